# Deterministic people for a match pool, one ticket a line as NDJSON: awk -v n=300 -v men=70 -v seed=1 -f demo/people.awk
# A 31-bit linear congruential generator (Park and Miller 1988, a = 16807) instead of rand(), which differs between awks.

function random01() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function between(a, b) { return a + int(random01() * (b - a + 1)) }

BEGIN {
  if (n == "") n = 300
  if (men == "") men = 70
  state = (seed == "" ? 1 : seed) + 12345
  for (i = 0; i < 10; i++) random01()
  for (i = 1; i <= n; i++) {
    gender = random01() * 100 < men ? "male" : "female"
    seeking = gender == "male" ? "female" : "male"
    if (random01() < 0.03) { gender = "nonbinary"; seeking = "male\",\"female\",\"nonbinary" }
    age = between(19, 38)
    printf "{\"id\":\"p%04d\",\"gender\":\"%s\",\"seeking\":[\"%s\"],\"age\":%d,\"age_min\":%d,\"age_max\":%d,", \
      i, gender, seeking, age, age - 6 < 18 ? 18 : age - 6, age + 6
    printf "\"lat\":%.4f,\"lon\":%.4f,\"max_km\":%d,\"presence_ms\":3600000,\"consent\":{\"relax\":true}}\n", \
      -25.75 + (random01() - 0.5) * 0.3, 28.23 + (random01() - 0.5) * 0.3, between(10, 40)
  }
}
