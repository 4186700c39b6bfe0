"""Style sheet of a report, without outside fonts, pictures or scripts."""

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --card: #f5f6f8; --words: #1b1f24;
  --soft: #5b6570; --line: #d5dae0; --curve: #0b62b8; --used: #b3261e; --missed: #d61220;
  --false: #1654e2; --border: #9a5b00; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1f2429;
  --words: #e8eaed; --soft: #a3adb8; --line: #3a424b; --curve: #6cb2f7; --used: #ff8a80;
  --missed: #ff6b70; --false: #7ea6ff; --border: #ffb454; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 3rem; background: var(--ground);
  color: var(--words); font: 16px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; overflow-wrap: anywhere; }
h4 { font-size: .95rem; margin: 1rem 0 .3rem; }
p, ul, dl { margin: .4rem 0 .8rem; max-width: 60rem; }
a { color: var(--curve); }
code, pre { font: .88em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--card); padding: .7rem .9rem; overflow-x: auto; border-radius: 6px; }
.soft, figcaption, td.none { color: var(--soft); }
.means { display: flex; flex-wrap: wrap; gap: .7rem; padding: 0; margin: 1rem 0;
  max-width: none; list-style: none; }
.means li { background: var(--card); border-radius: 8px; padding: .55rem .9rem; min-width: 7rem; }
.means b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.means span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: .28rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
  vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; min-width: 9rem; }
thead th { color: var(--soft); font-weight: 600; border-bottom-width: 2px; }
tbody th { font-weight: 400; }
tr.mean th, tr.mean td { font-weight: 650; background: var(--card); }
.prose table { margin: .5rem 0 1rem; }
.prose th, .prose td { text-align: left; vertical-align: top; }
article { margin: 1.2rem 0 2rem; break-inside: avoid; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; }
.pictures figure.whole { flex: 0 0 15rem; }
.pictures figure.region { flex: 1 1 25rem; max-width: 800px; }
.pictures img { display: block; width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); }
.region img { image-rendering: pixelated; }
figcaption { font-size: .87rem; margin-top: .25rem; }
.missed, .false, .border { font-weight: 650; }
.missed { color: var(--missed); }
.false { color: var(--false); }
.border { color: var(--border); }
.plots { display: flex; flex-wrap: wrap; gap: 2rem; }
.plots figure { flex: 0 1 26rem; }
svg.plot { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--words); font-size: 12.5px; }
svg .frame { fill: none; stroke: var(--soft); }
svg .grid { fill: none; stroke: var(--line); stroke-width: .7; }
svg .ideal { fill: none; stroke: var(--soft); stroke-dasharray: 5 4; }
svg .curve { fill: none; stroke: var(--curve); stroke-width: 2; }
svg .curve-dot { fill: var(--curve); }
svg .used-dot { fill: none; stroke: var(--used); stroke-width: 2.5; }
svg .bar { fill: var(--curve); opacity: .45; }
details > summary { cursor: pointer; }
@media print { :root { color-scheme: light; --ground: #fff; --card: #f2f2f2; --words: #000;
  --soft: #444; --line: #bbb; --curve: #0b62b8; --used: #b3261e; --missed: #c00;
  --false: #00c; --border: #840; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  .wide, pre { overflow: visible; } pre { white-space: pre-wrap; }
  thead { display: table-header-group; } tr, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .pictures { flex-wrap: nowrap; gap: .5rem; } .pictures figure.whole { flex: 0 0 20%; }
  .pictures figure.region { flex: 1 1 0; } th, td { padding: .2rem .45rem; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
"""CSS of the page."""
