#!/usr/bin/env bash
# `stint match …` and `stint pdf parse` against a real Redis, the workers played by raw Functions: what is sent, and what is shown of
# an answer.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
ctl_start_redis

payload_of() { # payload_of ID QUEUE: OUT becomes the job's payload
  run 0 --json job show "$1" --queue "$2"
}

# in_background WORDS…: starts stint; its output is in $CTL_DIR/bg. background_ends EXIT waits for it.
in_background() { "$STINT" "$@" >"$CTL_DIR/bg" 2>&1 </dev/null & BACK=$! RAN="stint $*"; }
background_ends() {
  local code
  wait "$BACK"; code=$?
  OUT=$(cat "$CTL_DIR/bg") ERR=""
  checks=$((checks + 1))
  [ "$code" -eq "$1" ] || { failures=$((failures + 1)); echo "not ok - $RAN: exit code $code, wanted $1"; echo "$OUT"; }
}
claim_next() { while claim "$1"; [ -z "$ENTRY" ]; do :; done; }

# A ticket becomes the payload of the round's contract.
run 0 --json match submit --no-wait --pool za --id ann --gender F --seeking M,nonbinary --age 25 --age-min 20 --age-max 30 \
  --lat -25.75 --lon 28.2 --max-km 10 --regions A,B --blocked x1,x2 --presence 30s --expires 1h --relax
id=$(echo "$OUT" | sed 's/.*"id":"\([^"]*\)".*/\1/')
payload_of "$id" match
for part in '"v":1' '"op":"submit"' '"pool":"za"' '"id":"ann"' '"gender":"female"' '"seeking":["male","nonbinary"]' '"age":25' \
  '"age_min":20' '"age_max":30' '"lat":-25.75' '"lon":28.' '"max_km":10.0' '"regions":["A","B"]' '"blocked":["x1","x2"]' \
  '"presence_ms":30000' '"expires_ms":3600000' '"relax":true'; do says "$part"; done
claim_next match; finish match done '{}' 1000

# The answer of the round is told, and its code: waiting and matched are 0, dropped is 5.
in_background match submit --pool za --id bob --gender M --seeking F --age 30
claim_next match
finish match done '{"v":1,"pairs":[{"pair":"p1","tickets":[{"id":"ann","wait_ms":2000},{"id":"bob","wait_ms":10}],"km":1}],"queued":null,"dropped":[]}' 60000
background_ends 0; says "matched: ann (waited 2.0 s) with bob"
in_background match submit --pool za --id cal --gender M --seeking F --age 30
claim_next match
finish match done '{"pairs":[],"queued":{"id":"cal","position":3,"estimate":{"p50_s":61.0,"p90_s":300.0,"confidence":"low"},"reason":"few_fit"},"dropped":[]}' 60000
background_ends 0; says "position 3 (few_fit)"; says "half within 1 min 01 s"
in_background match submit --pool za --id dan --gender M --seeking F --age 30
claim_next match
finish match done '{"pairs":[],"queued":null,"dropped":[{"id":"dan","reason":"duplicate"}]}' 60000
background_ends 5; says "dan dropped: duplicate"
in_background match leave cal --pool za
claim_next match
payload_of "$ID" match; says '"op":"leave"'; says '"id":"cal"'
finish match done '{"pairs":[],"queued":null,"dropped":[{"id":"cal","reason":"cancelled"}]}' 60000
background_ends 0

run 2 match submit --id ann; says "--pool is missing"
run 2 match submit --pool za --id ann --gender woman --seeking M --age 20; says "male|female|nonbinary|other|unknown|M|F"
run 2 match submit --pool za --id ann --gender F --seeking M --age 17; says "allowed: 18 to 120"
run 2 match submit --pool za --id ann --gender F --seeking M --age 121; says "allowed: 18 to 120"
run 2 match submit --pool 'z a' --id ann --gender F --seeking M --age 20; says "no pool's name"
run 2 match submit --pool za --id ann --gender F --seeking M --age 20 --lat 1; says "--lon"
run 2 match submit --pool za --id ann --gender F --seeking M --age 20 --age-min 40 --age-max 30; says "--age-min"
run 2 match leave ann; says "--pool is missing"
run 4 match status za; says "PostgreSQL"
run 3 match wait za; says "no waits are published for pool za: nobody publishes for queue match"
run 3 match top; says "nobody publishes"
export STINT_METRICS_PORT=1 # where nobody answers, whatever else runs on this host
# What is published, as a supervisor would: groups large enough, and one that is not told apart.
cell() { printf '{"gender":"%s","seeking":%s,"waiting":%s,"share":0.5,"p50_s":65.0,"p90_s":300.0,"matched":0.5,"within":{"60":0.25},"confidence":"ok"}' "$@"; }
published() { # MEN WOMEN
  redis HSET 'stint:{match}:stats' pool:za '{"pool":"za","queue":{"total":'$(($1 + $2))'},"genderDistribution":{"male":'"$1"',"female":'"$2"',"other":0,"unknown":0,"ratio":2.0},"health":{"status":"ok","message":"estimates are current"},"estimates":['"$(cell male null "$1"),$(cell female null "$2"),$(cell male '["female"]' "$1")"'],"balance":{"arrivalsPerMinute":{"male":12.0,"female":5.0},"matchedShare":{"male":0.42,"female":0.96},"fluidWaitSeconds":{"male":210,"female":-1},"scarce":"female","targetWaitSeconds":60,"recommendedScarcePerMinute":7.4},"calibration":{"coverage50":{"male":0.51,"female":0.3},"coverage90":{"male":0.9,"female":0.7}},"updatedMs":1}' updated_ms 1 >/dev/null
}
published 62 30
run 0 match wait za; says "male seeking female"; says "1 min 30 s"; says "50 %"; says "25 %"; says "62"; says "too old to be believed"
run 0 match stats za; says "comes true as often as it says"; says "promises too much"; says "2.0 men wait for each woman"
redis HSET 'stint:{match}:stats' pool:za "$(redis HGET 'stint:{match}:stats' pool:za | sed 's/"calibration":{/&"resolved":{"male":100,"female":80},/')" >/dev/null
run 0 match stats za; says "comes true as often as it says"; says "too early to say"; says_not "promises too much"
published 62 30
run 0 match balance za; says "2.4 men for each woman"; says "7.4 women a minute should come: 2.4 more than now"; says "about 4 min"
run 0 match balance za --json; says '"recommendedScarcePerMinute":7.4'; says '"target":["For half of the men'
run 4 match balance za --target 2m; says "does not answer"
run 0 match top za; says "12.0 men, 5.0 women a minute"; says "male"; says "OLD"
run 0 match top za --json; says '"events":[]'; says '"total":92'
published 62 7 # the men's number would tell the women's
run 0 match wait za --json; says '"waiting":null'; says '"waitingFrom":40'; says '"female":null'; says_not '"waiting":62'; says_not '"male":62'; says_not '"female":7'
run 0 match stats za; says "40+"; says "<20"; says_not " 62 "
run 3 match stats zb; says 'did you mean "za"'; says "pools with waits in queue match: za"
for verb in wait stats balance top; do
  run 3 match $verb paris; says "pools with waits"
  run 2 match $verb 'a b'; says "no pool's name"
  run 2 match $verb za --queue 'a b'; says "no queue's name"
  run 2 match $verb za zb; says "one argument too many"
done
run 2 match wait --ticket ann; says "POOL is missing"
run 2 match wait za --ticket ann --age 30; says "two questions"
run 2 match wait za --age 30; says "--gender is missing"
run 2 match wait za --gender M; says "--seeking is missing"
run 2 match wait za --gender M --seeking F --lat 1; says "--lon is missing"
run 2 match wait za --gender M --seeking F --max-km 5; says "--max-km needs"
run 2 match wait za --gender M --seeking F --age-min 40 --age-max 30; says "--age-min is above"
run 2 match wait za --gender X --seeking F; says "male|female"
run 4 match wait za --gender M --seeking any --age 30; says "is the supervisor running"
run 4 match wait za --ticket ann; says "is the supervisor running"; says "http://127.0.0.1:1 "; says "asked there by \$STINT_METRICS_PORT"
run 2 match balance za --target 0s; says "--target"
run 2 match balance za --target 1h; says "--target"
run 2 match top za --interval 1ms; says "--interval"
run 2 top --interval 1ms; says "--interval"
run 2 top --sort size; says "name|time|amount"
run 2 top za; says "one argument too many"
run 4 top --once --interval 100ms; says "supervisor  DOWN"; says "QUEUE"
run 4 top --once --interval 100ms --json; says '"rates"'; says '"ok":false'
run 2 match why za; says "TICKET"
run 2 match why 'z a' ann; says "no pool's name"
run 4 match why za ann; says "PostgreSQL"
printf '%s\n' '{"id":"t1","gender":"male","seeking":["female"],"age":20}' '{"id":"t2","pool":"uk","gender":"male","seeking":["female"],"age":20}' 'x' >"$CTL_DIR/people"
run 1 match submit --no-wait --bulk "$CTL_DIR/people" --pool za; says "2 ready"; says "line 3 refused"
run 1 match submit --no-wait --bulk "$CTL_DIR/people"; says '"pool" is missing'
# What the rounds said of a file is told in numbers; a dropped ticket makes the code 5, as it does for one.
printf '{"id":"f1","gender":"F","seeking":["M"],"age":20}\n' >"$CTL_DIR/one"
in_background match submit --bulk "$CTL_DIR/one" --pool za
for drained in 1 2 3 4; do claim_next match; finish match done '{"pairs":[],"queued":null,"dropped":[{"id":"f1","reason":"duplicate"}]}' 60000; done
background_ends 5; says "1 done"; says "1 dropped, the first f1: duplicate"
no_drift match

# Documents: all are sent, each is shown; a failure names cause and next step; a calendar is written.
printf '%%PDF-1.7 one' >"$CTL_DIR/one.pdf"; printf '%%PDF-1.7 two' >"$CTL_DIR/two.pdf"; printf 'geheim\nrest' >"$CTL_DIR/password"
mkdir "$CTL_DIR/ics"
in_background pdf parse "$CTL_DIR/one.pdf" "$CTL_DIR/two.pdf" --expect exam --ics "$CTL_DIR/ics" --timezone Africa/Johannesburg \
  --terms '{"S1":{"start":"2026-02-16","end":"2026-06-05"}}' --holidays 2026-04-27 --password-file "$CTL_DIR/password"
claim_next pdf
payload_of "$ID" pdf
for part in '"inline_b64":"JVBERi0xLjcgb25l"' '"size":12' '"expect":"exam"' '"emit":"both"' '"timezone":"Africa/Johannesburg"' \
  '"holidays":["2026-04-27"]' '"S1"' '"password":"(hidden)"'; do says "$part"; done
finish pdf done '{"type":"exam","pages":2,"rows_seen":2,"rows_parsed":1,"duration_ms":12,"ics":"BEGIN:VCALENDAR\r\n","events":[{"module":"COS 214","activity":"Exam Written","paper":"1","date":"2025-11-12","start":"08:00","end":"11:00","end_estimated":true,"venues":["Hall 1","Hall 2"],"campus":"HATFIELD","src":{"page":1,"row":1}}],"warnings":[{"code":"x","message":"no start time","page":2,"row":7,"text":"TBA"},{"message":"no dates","text":"A 1"},{"message":"no dates","text":"B 2"}]}' 60000
claim_next pdf
finish pdf dead '{"code":"CORRUPT_PDF","cause":"handler_error","message":"the cross-reference table is damaged"}' f1
background_ends 1
says "one.pdf: exam, 2 pages, 1 event, 1 of 2 rows, 3 warnings"; says "COS 214"; says "11:00?"; says "Hall 1, Hall 2"
says 'warning, page 2, row 7: no start time: "TBA"'; says "2 warnings: no dates: A 1, B 2"; says "two.pdf: dead"; says "CORRUPT_PDF"; says "stint dlq show"
checks=$((checks + 1)); grep -q VCALENDAR "$CTL_DIR/ics/one.ics" || { failures=$((failures + 1)); echo "not ok - no calendar"; }
: >"$CTL_DIR/empty.pdf"
run 1 pdf parse "$CTL_DIR/empty.pdf"; says "is empty"
run 3 pdf parse /none/there.pdf; says "/none/there.pdf"
run 2 pdf parse; says "FILE|FOLDER|URL|-... is missing"
run 2 pdf parse "$CTL_DIR/one.pdf" --expect "$(printf %040d 0)"; says "expect"
run 1 pdf parse "$CTL_DIR/one.pdf" --timeout 50ms; says "still ready"
no_drift pdf

ctl_finish
