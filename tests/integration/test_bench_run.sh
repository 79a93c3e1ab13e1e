#!/usr/bin/env bash
# bench/run from one end to the other with a handful of jobs, on the ceiling and on stint, and asked wrongly. How fast they are is none of our
# business; that every figure is taken, kept, put into the table, held against its aim and drawn is.
set -u
bench=${STINT_SOURCE:?}/bench
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || { echo "skip - no python3 of 3.9 or later"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export STINT_CONFIG='' TMPDIR=$folder STINT_BENCH_BUILD=${STINT_BUILD:?}
failed=0
refused() { # refused TEXT ARGUMENTS…: exit code 2, and says why
  local text=$1
  shift
  "$bench/run" "$@" >"$folder/said" 2>&1
  [ $? -eq 2 ] && grep -qF -- "$text" "$folder/said" || { echo "not ok - run $*: wanted exit 2 and \"$text\""; sed 's/^/# /' "$folder/said"; failed=1; }
}
refused "sidekik is no system" --only stint,sidekik
refused "speed is no measure" --measures speed
refused "--rounds 0: a number from 1 to 99" --rounds 0
refused "--rounds: invalid int value: 'many'" --rounds many
refused "--jobs 7: a number from 100 to 10000000" --jobs 7
refused "invalid choice: 'slow'" slow
"$bench/run" --help >"$folder/said" 2>&1 && grep -q -- --measures "$folder/said" || { echo "not ok - --help"; failed=1; }

run() { # run NAME ARGUMENTS…: exit code 0; lines, table and picture in $folder/NAME
  local name=$1
  shift
  "$bench/run" "$@" --jobs 200 --out "$folder/$name" >"$folder/$name.table" 2>"$folder/$name.err" ||
    { echo "not ok - run $*: exit code $?"; sed 's/^/# /' "$folder/$name.err"; failed=1; }
}
run work --only ceiling,stint --measures process --rounds 2
run rest --only ceiling,stint --measures enqueue,latency,memory,waiting,idle --rounds 1
run crash --only stint --measures crash --rounds 1
python3 - "$folder" <<'END' || failed=1
import glob, json, sys, xml.dom.minidom
folder = sys.argv[1]
wrong = []
def check(what, true):
    if not true:
        wrong.append(what)
def lines_of(name):
    return [json.loads(line) for line in open(glob.glob(f"{folder}/{name}/run-*.ndjson")[0])]
figures = [line for name in ("work", "rest", "crash") for line in lines_of(name)[1:]]
machine = lines_of("work")[0]["machine"]
check("the machine is described", all(key in machine for key in ("cpu", "cores", "kernel", "load_before", "redis", "python", "packages")))
check("no figure failed", not [line for line in figures if "failed" in line])
def rounds(system, measure):
    return sorted(line["round"] for line in figures if (line["system"], line["measure"]) == (system, measure))
for system in ("ceiling", "stint", "stint-plain", "stint-untracked"):
    for measure in ("process, 1 worker", "process, 2 workers", "process: server CPU"):
        check(f"{system}: {measure} in both rounds", rounds(system, measure) == [1, 2])
    for measure in ("enqueue bulk", "enqueue one by one", "enqueue one a call, pipelined", "Redis bytes of a waiting job, payload 128 B",
                    "Redis bytes of a waiting job, payload 1024 B"):
        check(f"{system}: {measure}", rounds(system, measure) == [1])
    for measure in ("idle worker, private", "idle host of 2 workers, PSS", "idle host of 2 workers: commands"):
        check(f"{system}: {measure}", rounds(system, measure) == ([] if system == "stint-plain" else [1]))
for system in ("ceiling", "stint"):
    for measure in ("flow, 1 producer, 2 workers", "start latency, idle: p50", "start latency, half load: p50"):
        check(f"{system}: {measure}", rounds(system, measure) == [1])
check("an idle supervisor", rounds("stint", "idle supervisor, private") == [1])
for system in ("stint", "stint-untracked"):
    check(f"{system}: the killed worker's job ran again", rounds(system, "killed worker's job runs again after") == [1])
figures = [line for line in figures if "failed" not in line]
for line in figures:
    check(f"{line['system']}: {line['measure']} is a number: {line['value']}", isinstance(line["value"], (int, float)) and line["value"] >= 0)
check("rates are above 0", all(line["value"] > 0 for line in figures if line["unit"] == "/s" and "commands" not in line["measure"]))
visits = []
for line in lines_of("work")[1:]:
    if not visits or visits[-1] != (line["round"], line["system"]):
        visits.append((line["round"], line["system"]))
check("every system once a round, the order moves on", len(set(visits)) == len(visits) == 8 and visits[0][1] != visits[4][1])
table = open(folder + "/work.table").read()
for text in ("AOF everysec", "Redis itself", "stint, untracked", "stint, plain XADD", "process, 2 workers", "over the ceiling's best", "by Redis' CPU"):
    check(f"the table says {text}", text in table)
markdown = open(glob.glob(folder + "/work/run-*.md")[0]).read()
check("the table as Markdown", "| process, 2 workers /s |" in markdown and "| ≥ 0.6 × |" in markdown and "- Redis itself: XADD" in markdown)
drawing = xml.dom.minidom.parse(glob.glob(folder + "/rest/run-*.svg")[0])
titles = [node.firstChild.data for node in drawing.getElementsByTagName("text") if "title" in node.getAttribute("class")]
check("the picture has its panels", "Enqueue in bulk, jobs/s" in titles and "Private memory of an idle worker, MiB" in titles)
check("a bar for each system", len(drawing.getElementsByTagName("rect")) >= 1 + 2 * len(titles))
for what in wrong:
    print("not ok - " + what)
sys.exit(bool(wrong))
END
[ "$(find "$folder" -maxdepth 1 -name 'stint-bench-*' | wc -l)" = 0 ] || { echo "not ok - a folder was left"; failed=1; }
[ $failed = 0 ] && echo "ok - bench/run"
exit $failed
