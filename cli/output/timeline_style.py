# SPDX-License-Identifier: LGPL-3.0-or-later
"""How the page of changes looks: light or dark, as the reader's system is; on a phone, and printed.

Nothing is told by colour alone: each bar has its words beside it.
"""

STYLE = """
:root {
  --ground: #f6f7f9; --paper: #ffffff; --ink: #1b1f24; --faint: #5b6470; --line: #dde1e6;
  --good: #1f8a4c; --bad: #c62f3b; --warn: #a86500; --wait: #b4bcc6; --judge: #3a76d8;
  --disk: #7a5bc0; --apply: #1f9a8a; --track: #f0f2f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --paper: #1c2025; --ink: #e4e8ed; --faint: #98a2ae; --line: #313840;
    --good: #4cc07f; --bad: #f2707a; --warn: #e3a84a; --wait: #59626d; --judge: #6ba0f5;
    --disk: #a78ce8; --apply: #45c3b2; --track: #262b31;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
header p, .key, .none { color: var(--faint); margin: .2rem 0; }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { font-weight: 500; text-align: left; }
thead th { color: var(--faint); font-size: .85rem; }
.paces { background: var(--paper); border: 1px solid var(--line); }
.paces th, .paces td, .keys th, .keys td { padding: .35rem .7rem;
  border-bottom: 1px solid var(--line); }
.paces td, .took, .note, time, .number { font-variant-numeric: tabular-nums; }
.paces td { white-space: nowrap; }
.paces td.bad { color: var(--bad); font-weight: 600; }
.longest { position: relative; min-width: 9rem; }
.longest .meter { position: absolute; left: 0; top: .3rem; bottom: .3rem; background: var(--judge);
  opacity: .22; border-radius: 3px; }
.longest span:last-child { position: relative; }
.key { margin-top: 1.2rem; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem;
  list-style: none; padding: 0;
  font-size: .85rem; }
.key .bar { display: inline-block; position: static; width: 2.2rem; height: .7rem;
  margin-right: .45rem; }
.change { background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
  margin-bottom: .5rem; }
summary { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem .8rem;
  padding: .55rem .9rem; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "\\25b8"; color: var(--faint); width: .7rem; }
details[open] > summary::before { content: "\\25be"; }
summary:focus-visible { outline: 2px solid var(--judge); outline-offset: 2px; border-radius: 8px; }
.number { min-width: 2rem; text-align: right; font-weight: 600; }
.badge { font-size: .8rem; font-weight: 600; padding: .05rem .5rem; border-radius: 99px;
  border: 1px solid; color: var(--faint); }
.badge.good { color: var(--good); }
.badge.bad { color: var(--bad); }
.badge.warn { color: var(--warn); }
.command { flex: 1 1 16rem; }
.took, summary time { color: var(--faint); font-size: .85rem; }
.inside { padding: .2rem .9rem .9rem; border-top: 1px solid var(--line); }
.title { font-weight: 600; margin: .7rem 0 .4rem; }
dl { margin: 0 0 .8rem; }
dl div { display: flex; gap: .8rem; }
dt { flex: none; width: 6.5rem; color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.picture { min-width: 48rem; table-layout: fixed; }
.picture th[scope] { padding: .2rem .8rem .2rem 0; overflow-wrap: anywhere; }
.picture thead th:first-child { width: 13rem; }
.picture thead th:last-child { width: 34%; }
.axis { position: relative; height: 1.4rem; }
.axis span { position: absolute; bottom: 0; transform: translateX(-50%); white-space: nowrap; }
.axis span:nth-child(1) { left: 0; transform: none; }
.axis span:nth-child(2) { left: 25%; }
.axis span:nth-child(3) { left: 50%; }
.axis span:nth-child(4) { left: 75%; }
.axis span:nth-child(5) { right: 0; transform: none; }
.track { position: relative; height: 1.7rem; background: linear-gradient(to right,
  var(--line) 1px, transparent 1px) 0 0 / 25% 100%, var(--track); border-bottom: 2px solid
  var(--paper); border-right: 1px solid var(--line); }
.bar { position: absolute; top: calc(50% - .5rem); height: 1rem; border-radius: 2px;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.bar.wait { background: var(--wait); }
.bar.judge { background: var(--judge); }
.bar.disk { background: var(--disk); }
.bar.apply { background: var(--apply); }
.bar.bad { background: var(--bad); }
.bar.open { opacity: .5; }
.note { padding-left: .8rem; color: var(--faint); font-size: .85rem; overflow-wrap: anywhere; }
.unwell th, .unwell .note { color: var(--bad); }
.reasons { margin: .8rem 0; padding-left: 1.1rem; }
.reasons li { overflow-wrap: anywhere; }
.reasons li::marker { color: var(--bad); }
.keys { margin-top: .8rem; font-size: .92rem; }
.keys code.old { color: var(--bad); }
.keys code.new { color: var(--good); }
@media print { body { background: none; } .change { break-inside: avoid; } }
""".strip()
