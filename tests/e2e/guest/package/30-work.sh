# It works inside its walls.
# shellcheck shell=bash
holds "a job" stint enqueue probe --id first --payload '{"v":1,"do":"ok"}' --wait
stint enqueue pdf-parse --id pdf --payload '{"v":1,"source":{"path":"lectures.pdf"},"expect":"lecture"}' --wait >/e2e/pdf.log 2>&1
[ "$(job pdf .state)" = "done" ] || job pdf '.errors[-1]' | tr -d '\n' | sed 's/^/# /'
same "a document, in its cell" "$(job pdf '"\(.state) \((.result.bytes // (.result.events | length)) > 0)"')" "done true"
same "and what it used is kept" "$(job pdf '.usage | "\(.of) \(.wall_ms >= 0) \(.memory_peak_bytes > 1000000)"')" "process true true"
holds "people read it too" eval 'stint job show pdf | grep -q "used .*, CPU .*, memory at most .* (its worker.s process)"'
doc "stint match submit" && holds "a pair" grep -q matched /e2e/doc.log

stint enqueue probe --id dies --attempts 1 --payload '{"v":1,"do":"crash"}' --wait >/dev/null 2>&1
export ID=dies
doc 'STINT_JOB="$ID"'
same "the journal finds a job's lines by its id, its cause as a field" \
  "$(journalctl -u "$UNIT" STINT_JOB=dies -o json --no-pager | jq -r 'select(.STINT_CAUSE != null) | .SYSLOG_IDENTIFIER + " " + .STINT_CAUSE' | sort -u)" \
  "stint-supervisor signal:SIGSEGV"
holds "with a level each" test -n "$(journalctl -u "$UNIT" -p info STINT_JOB=dies -o cat --no-pager)"
