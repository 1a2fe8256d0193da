"""The page's script: zoom, pan, names that make room for one another, sorties picked out."""

from __future__ import annotations

__all__ = ["SCRIPT"]

SCRIPT = """
(function () {
  'use strict';
  var svg = document.getElementById('map'), box = document.getElementById('mapbox');
  var fit = svg.getAttribute('data-fit').split(' ').map(Number), home, view, moved_off = false;
  var signs = parseFloat(svg.style.getPropertyValue('--m'));
  var k0 = parseFloat(svg.style.getPropertyValue('--k')), hatch = document.getElementById('hatch');
  var names = [].map.call(svg.querySelectorAll('.n'), function (g) {
    var at = g.getAttribute('transform').match(/-?\\d+/g).map(Number);
    var b = g.getAttribute('data-b').split(' ').map(Number);
    return {g: g, x: at[0], y: at[1], dx: b[0], dy: b[1], w: b[2], h: b[3],
            k: parseFloat(g.getAttribute('data-k')) || Infinity};
  });
  var bar = document.getElementById('bar'), old = document.getElementById('bar0'), due = false;
  old.parentNode.removeChild(old);
  bar.hidden = false;
  document.getElementById('zoom').hidden = false;

  function whole(w, h) {
    var pad = Math.min(w, h) > 450 ? 44 : 26;
    var k = Math.max(fit[2] / (w - 2 * pad), fit[3] / (h - 2 * pad));
    home = [fit[0] + (fit[2] - w * k) / 2, fit[1] + (fit[3] - h * k) / 2, w * k, h * k];
    if (!moved_off) { view = home.slice(); }
  }
  function units(w, h) { return Math.max(view[2] / w, view[3] / h); }
  function draw(w, h) {
    w = w || svg.clientWidth || 900; h = h || svg.clientHeight || 640;
    whole(w, h);
    var k = units(w, h), cx = view[0] + view[2] / 2, cy = view[1] + view[3] / 2;
    svg.setAttribute('viewBox', view.join(' '));
    svg.style.setProperty('--k', k);
    svg.style.setProperty('--m', Math.min(1, signs * Math.max(1, Math.sqrt(k0 / k))));
    hatch.setAttribute('patternTransform', 'scale(' + k + ') rotate(45)');
    svg.setAttribute('data-z', Math.max(0, Math.min(3, Math.floor(Math.log2(k0 / k) + 0.2))));
    var kept = [];
    names.forEach(function (n) {
      var x = (n.x - cx) / k + n.dx + w / 2, y = (n.y - cy) / k + n.dy + h / 2;
      var off = k > n.k || x < -99 || x > w + 99 || y < -20 || y > h + 20;
      off = off || kept.some(function (o) {
        return Math.abs(o[0] - x) * 2 < o[2] + n.w && Math.abs(o[1] - y) * 2 < o[3] + n.h;
      });
      n.g.classList.toggle('off', off);
      if (!off) { kept.push([x, y, n.w, n.h]); }
    });
    var most = 130 * k / 10, power = Math.pow(10, Math.floor(Math.log10(most))), length = power;
    [2, 5].forEach(function (m) { if (m * power <= most) { length = m * power; } });
    bar.firstElementChild.style.width = (length * 10 / k) + 'px';
    bar.lastElementChild.textContent = length >= 1000 ? length / 1000 + ' km' : length + ' m';
  }
  function later() {
    if (!due) { due = true; requestAnimationFrame(function () { due = false; draw(); }); }
  }
  function place(clientX, clientY) {
    var r = svg.getBoundingClientRect(), k = units(r.width, r.height);
    return [view[0] + view[2] / 2 + (clientX - r.left - r.width / 2) * k,
            view[1] + view[3] / 2 + (clientY - r.top - r.height / 2) * k];
  }
  function zoom(factor, at) {
    var f = Math.max(home[2] / 400 / view[2], Math.min(home[2] * 4 / view[2], factor));
    moved_off = true;
    view = [at[0] - (at[0] - view[0]) * f, at[1] - (at[1] - view[1]) * f, view[2] * f, view[3] * f];
    later();
  }
  function middle() { return [view[0] + view[2] / 2, view[1] + view[3] / 2]; }
  function reset() { moved_off = false; later(); }

  svg.addEventListener('wheel', function (e) {
    e.preventDefault();
    zoom(Math.pow(1.0016, e.deltaY * (e.deltaMode ? 30 : 1)), place(e.clientX, e.clientY));
  }, {passive: false});
  var down = {}, moved = 0;
  function fingers() { return Object.keys(down).map(function (i) { return down[i]; }); }
  function spread(f) { return Math.hypot(f[0][0] - f[1][0], f[0][1] - f[1][1]); }
  svg.addEventListener('pointerdown', function (e) {
    if (!fingers().length) { moved = 0; }
    down[e.pointerId] = [e.clientX, e.clientY];
  });
  svg.addEventListener('pointermove', function (e) {
    var was = down[e.pointerId];
    if (!was) { return; }
    var before = fingers(), k = units(svg.clientWidth, svg.clientHeight);
    var apart = before.length === 2 ? spread(before) : 0;
    moved += Math.abs(e.clientX - was[0]) + Math.abs(e.clientY - was[1]);
    if (moved > 6 && svg.setPointerCapture) { svg.setPointerCapture(e.pointerId); }
    moved_off = true;
    var share = before.length === 2 ? 0.5 : 1;
    view[0] -= (e.clientX - was[0]) * k * share;
    view[1] -= (e.clientY - was[1]) * k * share;
    down[e.pointerId] = [e.clientX, e.clientY];
    if (apart) {
      var f = fingers(), mx = (f[0][0] + f[1][0]) / 2, my = (f[0][1] + f[1][1]) / 2;
      zoom(apart / Math.max(spread(f), 1), place(mx, my));
    }
    later();
  });
  ['pointerup', 'pointercancel', 'lostpointercapture'].forEach(function (kind) {
    svg.addEventListener(kind, function (e) { delete down[e.pointerId]; });
  });
  document.addEventListener('pointerup', function (e) { delete down[e.pointerId]; });
  svg.addEventListener('dblclick', function (e) { zoom(0.5, place(e.clientX, e.clientY)); });
  document.getElementById('in').onclick = function () { zoom(0.6, middle()); };
  document.getElementById('out').onclick = function () { zoom(1 / 0.6, middle()); };
  document.getElementById('all').onclick = function () { pick(null); kept = null; reset(); };

  var kept = null;
  function pick(id) {
    document.body.classList.toggle('pick', id !== null);
    [].forEach.call(document.querySelectorAll('.hot'), function (n) { n.classList.remove('hot'); });
    if (id === null) { return; }
    [].forEach.call(document.querySelectorAll('[data-s="' + id + '"]'), function (n) {
      n.classList.add('hot');
    });
  }
  function sortie(target) {
    var n = target.closest ? target.closest('[data-s]') : null;
    return n ? n.getAttribute('data-s') : null;
  }
  function keep(id) { kept = id === kept ? null : id; pick(kept); }
  [].forEach.call(document.querySelectorAll('tr[data-s], .bar[data-s]'), function (row) {
    row.tabIndex = 0;
    row.addEventListener('mouseenter', function () { pick(row.getAttribute('data-s')); });
    row.addEventListener('mouseleave', function () { pick(kept); });
    row.addEventListener('click', function () { keep(row.getAttribute('data-s')); });
    row.addEventListener('keydown', function (e) {
      if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); keep(sortie(row)); }
    });
  });
  svg.addEventListener('click', function (e) {
    if (moved > 6) { return; }
    var id = sortie(e.target);
    kept = id; pick(id);
    var row = id === null ? null : document.querySelector('tr[data-s="' + id + '"]');
    if (row) { row.scrollIntoView({block: 'nearest', behavior: 'smooth'}); }
  });
  document.addEventListener('keydown', function (e) {
    if (e.key === 'Escape') { kept = null; pick(null); }
  });
  window.addEventListener('resize', later);
  window.addEventListener('beforeprint', function () {
    pick(null);
    [].forEach.call(document.querySelectorAll('details'), function (d) { d.open = true; });
    moved_off = false; draw(703, 500);
  });
  window.addEventListener('afterprint', function () { pick(kept); later(); });
  draw();
})();
"""
