#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# The main job, shown on a realistic system configuration with real processes.  Run by `make demo`.
# Everything lives in a temporary directory, and ends with the script.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${DEMO_INSIDE:-}" ]; then
    work=$(mktemp -d /tmp/flux-demo-XXXXXX)
    trap 'rm -rf "$work"' EXIT
    cp -r "$here/system-conf.d" "$work/conf.d"
    DEMO_INSIDE=$work flux start -c "$work/conf.d" -S broker.rc1_path= "$0"
    exit $?
fi

conf=$DEMO_INSIDE/conf.d
bold=$(tput bold 2>/dev/null || true); plain=$(tput sgr0 2>/dev/null || true)
failures=0
say() { printf '\n%s# %s%s\n' "$bold" "$1" "$plain"; }
# run WANTED COMMAND...: show the command, run it, and check its exit status
run() {
    local wanted=$1; shift
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
    local got=$?
    if [ $got -eq "$wanted" ]; then echo "(exit status $got)"
    else echo "(exit status $got, expected $wanted: THE DEMO FAILED)"; failures=$((failures + 1)); fi
}

say 'A broker runs on a copy of examples/system-conf.d.  Five modules, each a process of its own,'
say 'are loaded: four that Flux has, and examples/modules/cooling.py, fifteen lines long.'
for module in heartbeat resource job-manager job-ingest "$here/modules/cooling.py"; do
    run 0 flux module load "$module"
done
run 0 flux module list

say '1. A change that everybody accepts.  Look at: the generation goes up by one, for all at once.'
sed -i 's/period = "3s"/period = "4s"/' "$conf/tbon.toml"
run 0 flux config reload
run 0 flux config get heartbeat.period
run 0 flux config reload

say '2. A dry run.  Look at: every module is asked, the answer is the same, and nothing changes.'
sed -i 's/period = "4s"/period = "6s"/' "$conf/tbon.toml"
run 0 flux config reload --dry-run
run 0 flux config get heartbeat.period

say '3. Two modules refuse.  Look at: both reasons at once, each with the line to mend; no module'
say '   ran the new configuration for an instant, not even those that liked it.'
sed -i 's/warn_thresh = 5/warn_thresh = -5/' "$conf/tbon.toml"
sed -i '/^\[resource\]/a journal-max = "many"' "$conf/resource.toml"
run 1 flux config reload
run 0 flux config get heartbeat.period
sed -i 's/warn_thresh = -5/warn_thresh = 5/' "$conf/tbon.toml"
sed -i '/^journal-max/d' "$conf/resource.toml"

say '4. A module hangs.  Look at: the answer comes after one second and names it, and readers are'
say '   answered at once meanwhile.'
run 0 flux module load "$here/modules/slow.py"
printf '[slow]\nseconds = 3\n' > "$conf/slow.toml"
( sleep 0.4; time flux config status ) 2>&1 | sed 's/^/    /' &
run 1 flux config reload --timeout 1s
wait $!

say '5. A module is killed (kill -9) while it is asked.  Look at: the change is refused because of'
say '   its death, not because of a deadline; the broker starts it again.'
sed -i 's/seconds = 3/seconds = 9/' "$conf/slow.toml"
pid=$(flux module list --json | python3 -c '
import json, sys
print(next(m["pid"] for m in json.load(sys.stdin)["modules"] if m["name"] == "slow"))')
( sleep 3.5; kill -9 "$pid" ) &
run 1 flux config reload --timeout 20s
wait $!
sleep 0.6
run 0 flux module list

say '6. And with the cause removed: all say yes, and all move.'
rm "$conf/slow.toml"
run 0 flux config reload
run 0 flux config status

if [ $failures -eq 0 ]; then say 'The demo is over: everything went as announced.'; exit 0; fi
say "The demo is over: $failures commands did not end as announced."
exit 1
