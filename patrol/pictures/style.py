"""The page's style sheet."""

from __future__ import annotations

from patrol.pictures import colours

__all__ = ["STYLE"]

_SORTIES = "\n".join(f".c{i}{{--c:{colour}}}" for i, colour in enumerate(colours.SORTIES))

STYLE = (
    """
:root{color-scheme:light dark;--bg:#fff;--ink:#1f2933;--mute:#5f6b76;--rule:#d7dbe0;--card:#f1f4f7;
--warn:#fff3d6;--bad:#b00020;--hot:#fff6d9}
@media (prefers-color-scheme:dark){:root{--bg:#14181d;--ink:#e6eaee;--mute:#98a4b0;--rule:#333b44;
--card:#1e242b;--warn:#3a2f12;--bad:#ff8a80;--hot:#3a3420}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,-apple-system,
"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC","WenQuanYi Micro Hei",
sans-serif}
main{max-width:1240px;margin:0 auto;padding:18px 18px 40px}
h1{font-size:24px;margin:0}
h2{font-size:16px;margin:26px 0 8px}
h1 small,h2 small,.tile small,th small,dt small,summary small{font-weight:400;color:var(--mute);
font-size:.72em;margin-left:.4em}
header p{margin:2px 0 12px;color:var(--mute)}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:8px;margin-bottom:12px}
.tile{background:var(--card);border-radius:8px;padding:8px 12px}
.tile.bad{background:var(--warn)}.tile.bad b{color:var(--bad)}
.tile span{display:block;font-size:12px;color:var(--mute);white-space:nowrap;overflow:hidden}
.tile b{font-size:21px;line-height:1.25;white-space:nowrap}
#mapbox{position:sticky;top:0;z-index:5;background:var(--bg);padding:4px 0 6px}
#frame{position:relative;border:1px solid var(--rule);border-radius:8px;overflow:hidden;
background:LAND;color:#1f2933;height:min(62vh,720px)}
svg#map{display:block;width:100%;height:100%;touch-action:none;cursor:grab;user-select:none;
-webkit-user-select:none}
svg#map:active{cursor:grabbing}
#map path,#map rect,#map circle{vector-effect:non-scaling-stroke}
.k{transform:scale(var(--k))}
#t,.r{transform:scale(calc(var(--k)*var(--m)))}
.w{fill:WATER;stroke:WEDGE;stroke-width:.7;fill-rule:evenodd}
.m{fill:none;stroke:CENTRE;stroke-width:.7;stroke-dasharray:7 3 1 3}
.z{fill:url(#hatch);stroke:ZONE;stroke-width:1.5}
#map #hatch path{stroke:ZONE;stroke-width:1;vector-effect:none}
.u{fill:UNSEEN;stroke:UEDGE;stroke-width:1.4;stroke-linejoin:round}
.r{fill:none;stroke:UEDGE;stroke-width:2}
.f,.h,.l,.x{fill:none;stroke-linejoin:round;stroke-linecap:round}
.f{stroke:var(--c);stroke-width:1.1;stroke-dasharray:5 4;opacity:.85;stroke-linecap:butt}
.h{stroke:#fff;stroke-width:4.4}
.l{stroke:var(--c);stroke-width:2.4}
.x{stroke:transparent;stroke-width:16;pointer-events:stroke;cursor:pointer}
.a{fill:var(--c);stroke:#fff;stroke-width:.7;pointer-events:none}
[data-z="0"] .a1,[data-z="0"] .a2,[data-z="0"] .a3,[data-z="1"] .a2,[data-z="1"] .a3,
[data-z="2"] .a3{display:none}
.p{fill:#1f2933;stroke:#fff;stroke-width:1.2}.p.o{fill:#fff;stroke:#5f6b76}
.n text{font-size:12px;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:3px;
stroke-linejoin:round;fill:#1f2933}
.n{pointer-events:none}.n.off{display:none}
.n.site text{font-weight:700}.n.zone text{fill:ZONE}
.n.river text{fill:WINK;font-style:italic}
.n.s{pointer-events:auto;cursor:pointer}
.n.s rect{fill:var(--c);stroke:#fff;stroke-width:1.5}
.n.s text{fill:#fff;stroke:none;font-weight:700;font-size:11.5px}
#bar0 path{fill:none;stroke:#1f2933;stroke-width:1.5}
#bar0 text{font-size:12px;text-anchor:middle;fill:#1f2933}
.pick #map .s:not(.hot){opacity:.13}
.pick #map .s.hot .l{stroke-width:3.6}
.box{position:absolute;background:rgba(255,255,255,.93);border:1px solid #d7dbe0;border-radius:6px;
font-size:12px;text-align:center;pointer-events:none}
#bar{left:10px;bottom:10px;padding:3px 10px 6px}
#bar i{display:block;height:5px;border:1.5px solid #1f2933;border-top:0;margin:0 auto}
#bar b{font-weight:400;display:block;line-height:1.2}
#bar{display:flex;flex-direction:column-reverse}#bar[hidden],#zoom[hidden]{display:none}
#rose{right:10px;top:10px;padding:4px 8px;display:flex;gap:10px}
#rose svg{display:block;margin:0 auto;width:30px;height:34px}
#zoom{position:absolute;left:10px;top:10px;display:flex;flex-direction:column;gap:4px}
#zoom button{width:34px;height:34px;border:1px solid #d7dbe0;border-radius:6px;background:#fff;
color:#1f2933;font:18px/1 system-ui,sans-serif;cursor:pointer}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:12px;color:var(--mute);margin:6px 2px 0}
.legend span{display:inline-flex;align-items:center;gap:6px}
.legend svg{width:26px;height:12px;background:LAND;border-radius:2px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:5px 8px;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top}
th{white-space:nowrap;line-height:1.2;border-bottom:2px solid var(--ink)}
th small{display:block;margin:0;font-size:11px}
.num{text-align:right;white-space:nowrap}
td:first-child .dot,.bar{background:var(--c);color:#fff;font-weight:700}
.dot{display:inline-block;min-width:24px;padding:0 6px;border-radius:12px;text-align:center;
font-size:12px}
tr[data-s]{cursor:pointer}
tr.hot td{background:var(--hot)}
tfoot td{font-weight:700;border-top:2px solid var(--ink);border-bottom:0}
td.lanes{color:var(--mute);font-size:12px;min-width:120px}
.times{display:grid;grid-template-columns:auto 1fr;gap:4px 10px;align-items:center;font-size:12px}
.times div.row{position:relative;height:22px;background:var(--card);border-radius:4px}
.bar{position:absolute;top:2px;bottom:2px;border-radius:3px;overflow:hidden;font-size:11px;
line-height:18px;text-align:center;min-width:2px;cursor:pointer;border:0;padding:0}
.pick .bar:not(.hot){opacity:.25}
.bad{color:var(--bad)}
ul{margin:0;padding-left:20px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:4px 24px;margin:0}
dl div{display:flex;gap:10px;justify-content:space-between;border-bottom:1px solid var(--rule);
padding:3px 0}
dt{color:var(--mute)}dd{margin:0;text-align:right}
dd small{color:var(--mute);display:block;font-size:11px}
summary{cursor:pointer;font-weight:700;font-size:16px;margin:26px 0 8px}
@media (max-width:700px){main{padding:12px 10px 30px}.tiles{grid-template-columns:repeat(3,1fr)}
.tile{padding:6px 8px}.tile b{font-size:16px}.tile span{font-size:11px}h1{font-size:20px}
#frame{height:48vh}
th,td{padding:5px 6px}.start{display:none}#zoom button{width:38px;height:38px}}
@page{size:A4;margin:11mm}
@media print{:root{color-scheme:light;--bg:#fff;--ink:#1f2933;--mute:#5f6b76;--rule:#d7dbe0;
--card:#f1f4f7;--warn:#fff3d6;--bad:#b00020}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{font-size:10.5px}main{padding:0;max-width:none}#mapbox{position:static}
#frame{height:500px}td.lanes,.dot,.legend,.times,.bar,.tile span{font-size:9px}
td.lanes{min-width:0}th small,dd small{font-size:8px}.bar{line-height:18px}
dl{grid-template-columns:1fr 1fr 1fr;gap:1px 18px}dl div{padding:1px 0}
h1{font-size:19px}header p{margin:0 0 6px}#zoom{display:none!important}
.tile b{font-size:15px}.tiles{grid-template-columns:repeat(6,1fr)}
tr,.tile,dl div,li{break-inside:avoid}thead{display:table-header-group}
tfoot{display:table-row-group}
h2,summary{break-after:avoid;font-size:13px;margin:14px 0 4px}.wide{overflow:visible}
th,td{padding:3px 5px}}
""".replace("LAND", colours.LAND)
    .replace("WATER", colours.WATER)
    .replace("WEDGE", colours.WATER_EDGE)
    .replace("CENTRE", colours.CENTRELINE)
    .replace("ZONE", colours.ZONE)
    .replace("UNSEEN", colours.UNSEEN)
    .replace("UEDGE", colours.UNSEEN_EDGE)
    .replace("WINK", colours.WATER_INK)
    + _SORTIES
)
