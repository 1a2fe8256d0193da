/** The map's look, drawn from the study area alone: no tiles, no glyph server, no sprites. */

import type {
  ExpressionSpecification,
  LayerSpecification,
  StyleSpecification,
} from 'maplibre-gl'

import { NOTHING } from './geometry'

export const SOURCES = [
  'rivers',
  'river-names',
  'communities',
  'community-names',
  'grids',
  'zones',
  'permitted',
  'launch',
  'nofly',
  'lanes',
  'track',
  'flown',
  'vehicles',
  'ellipses',
  'sightings',
  'cases',
  'selected',
  'selected-ellipse',
] as const
export type SourceName = (typeof SOURCES)[number]

/** Switches of the layer panel, and the style layers that each one shows. */
export const SWITCHES = {
  cases: ['cases'],
  sightings: ['sightings'],
  ellipses: ['ellipses-fill', 'ellipses-line'],
  lanes: ['lanes'],
  track: ['track-casing', 'track'],
  flight: ['flown-casing', 'flown', 'vehicles', 'vehicles-number'],
  rivers: ['rivers-bank', 'rivers', 'rivers-name', 'rivers-name-far'],
  communities: ['communities-line', 'communities-name'],
  grids: ['grids-line', 'grids-name'],
  zones: ['zones-fill', 'zones-line'],
  permitted: ['permitted-fill', 'permitted-line'],
  launch: ['launch', 'launch-name'],
  nofly: ['nofly-fill', 'nofly-line', 'nofly-name'],
} as const satisfies Record<string, readonly string[]>
export type SwitchName = keyof typeof SWITCHES

// With no glyph server, MapLibre draws text with the machine's own fonts, in this order.
const FONT = ['PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'WenQuanYi Zen Hei', 'sans-serif']
const CIRCUMFERENCE_M = 40_075_016.686
const TILE_PX = 512
const NEAR = 8
const FAR = 22

export const TINTS = ['#f7f5ef', '#f1f2e9', '#f6f1ea', '#eef1ee', '#f3efe9']
export const WATER = '#a9d0e2'
export const ZONE = '#2f8f83'
export const NO_FLY = '#c0392b'

/** A line width in metres on the ground, plus some pixels, at the area's latitude. Exact at every
 * zoom: base-2 interpolation between two of its points is the function itself. */
function metres(width: ExpressionSpecification, lat: number, morePx: number): ExpressionSpecification {
  const perPixel = (CIRCUMFERENCE_M * Math.cos((lat * Math.PI) / 180)) / TILE_PX
  const at = (zoom: number): ExpressionSpecification => [
    '+',
    ['*', width, 2 ** zoom / perPixel],
    morePx,
  ]
  return ['interpolate', ['exponential', 2], ['zoom'], NEAR, at(NEAR), FAR, at(FAR)]
}

function layers(lat: number): LayerSpecification[] {
  const width: ExpressionSpecification = ['coalesce', ['get', 'width_m'], 10]
  const label: ExpressionSpecification = ['get', 'label']
  const name = { 'text-field': label, 'text-font': FONT }
  return [
    { id: 'land', type: 'background', paint: { 'background-color': '#e9e7df' } },
    {
      id: 'communities-fill',
      type: 'fill',
      source: 'communities',
      paint: { 'fill-color': ['get', 'tint'] },
    },
    {
      id: 'grids-line',
      type: 'line',
      source: 'grids',
      minzoom: 12.5,
      paint: {
        'line-color': '#bdb6a6',
        'line-width': 0.7,
        'line-dasharray': [2, 2],
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 12.5, 0, 13.5, 0.9],
      },
    },
    {
      id: 'zones-fill',
      type: 'fill',
      source: 'zones',
      paint: { 'fill-color': ZONE, 'fill-opacity': 0.13 },
    },
    {
      id: 'zones-line',
      type: 'line',
      source: 'zones',
      minzoom: 13,
      paint: { 'line-color': ZONE, 'line-width': 0.8, 'line-opacity': 0.55 },
    },
    {
      id: 'rivers-bank',
      type: 'line',
      source: 'rivers',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': '#6ea9c4', 'line-width': metres(width, lat, 2.6) },
    },
    {
      id: 'rivers',
      type: 'line',
      source: 'rivers',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': WATER, 'line-width': metres(width, lat, 1.2) },
    },
    {
      id: 'communities-line',
      type: 'line',
      source: 'communities',
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': '#8c8271',
        'line-width': ['interpolate', ['linear'], ['zoom'], 11, 0.7, 16, 1.6],
        'line-dasharray': [5, 2, 1, 2],
      },
    },
    {
      id: 'nofly-fill',
      type: 'fill',
      source: 'nofly',
      paint: { 'fill-color': NO_FLY, 'fill-opacity': 0.1 },
    },
    {
      id: 'nofly-line',
      type: 'line',
      source: 'nofly',
      paint: { 'line-color': NO_FLY, 'line-width': 1.4, 'line-dasharray': [3, 2] },
    },
    {
      id: 'permitted-fill',
      type: 'fill',
      source: 'permitted',
      minzoom: 13,
      paint: { 'fill-color': '#8793a3', 'fill-opacity': 0.75 },
    },
    {
      id: 'permitted-line',
      type: 'line',
      source: 'permitted',
      minzoom: 13,
      paint: { 'line-color': '#566274', 'line-width': 1 },
    },
    {
      id: 'track-casing',
      type: 'line',
      source: 'track',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#ffffff', 'line-width': 2.6, 'line-opacity': 0.6 },
    },
    {
      id: 'track',
      type: 'line',
      source: 'track',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#3d4657', 'line-width': 1.1, 'line-opacity': 0.85 },
    },
    {
      id: 'lanes',
      type: 'line',
      source: 'lanes',
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': ['get', 'colour'],
        'line-width': ['interpolate', ['linear'], ['zoom'], 11, 1.4, 17, 2.6],
        'line-dasharray': [3, 1.6],
        'line-opacity': ['case', ['==', ['get', 'kind'], 'transit'], 0.5, 0.95],
      },
    },
    {
      id: 'flown-casing',
      type: 'line',
      source: 'flown',
      layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: { 'line-color': '#ffffff', 'line-width': 5.5, 'line-opacity': 0.8 },
    },
    {
      id: 'flown',
      type: 'line',
      source: 'flown',
      layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: { 'line-color': ['get', 'colour'], 'line-width': 3 },
    },
    {
      id: 'grids-name',
      type: 'symbol',
      source: 'grids',
      minzoom: 14.5,
      layout: { ...name, 'text-size': 10.5 },
      paint: { 'text-color': '#978e7c', 'text-halo-color': '#ffffff', 'text-halo-width': 1 },
    },
    {
      id: 'communities-name',
      type: 'symbol',
      source: 'community-names',
      layout: {
        ...name,
        'text-size': ['interpolate', ['linear'], ['zoom'], 11, 10.5, 16, 15],
        'text-max-width': 9,
        'text-padding': 4,
        // A pin may stand in the middle; the name then moves aside.
        'text-variable-anchor': ['center', 'top', 'bottom', 'left', 'right'],
        'text-radial-offset': 1.2,
      },
      paint: { 'text-color': '#5d5546', 'text-halo-color': '#fbfaf6', 'text-halo-width': 1.6 },
    },
    {
      id: 'nofly-name',
      type: 'symbol',
      source: 'nofly',
      minzoom: 12,
      layout: { ...name, 'text-size': 11, 'text-max-width': 8 },
      paint: { 'text-color': '#9c2b20', 'text-halo-color': '#fbf3f1', 'text-halo-width': 1.4 },
    },
    {
      id: 'launch',
      type: 'symbol',
      source: 'launch',
      layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true },
    },
    {
      id: 'launch-name',
      type: 'symbol',
      source: 'launch',
      minzoom: 12.5,
      layout: { ...name, 'text-size': 11, 'text-anchor': 'top', 'text-offset': [0, 1] },
      paint: { 'text-color': '#26334a', 'text-halo-color': '#ffffff', 'text-halo-width': 1.4 },
    },
    {
      id: 'rivers-name-far',
      type: 'symbol',
      source: 'river-names',
      maxzoom: 14.5,
      layout: {
        ...name,
        'text-size': ['interpolate', ['linear'], ['zoom'], 11, 11, 14, 13.5],
        'text-letter-spacing': 0.1,
        'text-variable-anchor': ['left', 'right', 'top', 'bottom'],
        'text-radial-offset': 0.9,
      },
      paint: { 'text-color': '#1c6586', 'text-halo-color': '#f5f9fa', 'text-halo-width': 1.8 },
    },
    {
      id: 'rivers-name',
      type: 'symbol',
      source: 'rivers',
      minzoom: 14.5,
      layout: {
        ...name,
        'symbol-placement': 'line',
        'symbol-spacing': ['step', ['zoom'], 260, 17, 520],
        'text-size': ['interpolate', ['linear'], ['zoom'], 11, 11, 16, 15],
        'text-letter-spacing': 0.14,
        // Beside a river that is thinner than its name, within one that is wider.
        'text-offset': ['step', ['zoom'], ['literal', [0, 0.95]], 17, ['literal', [0, 0]]],
        'text-max-angle': 55,
      },
      paint: { 'text-color': '#1c6586', 'text-halo-color': '#f5f9fa', 'text-halo-width': 1.6 },
    },
    {
      id: 'ellipses-fill',
      type: 'fill',
      source: 'ellipses',
      paint: { 'fill-color': ['get', 'colour'], 'fill-opacity': 0.2 },
    },
    {
      id: 'ellipses-line',
      type: 'line',
      source: 'ellipses',
      paint: { 'line-color': ['get', 'colour'], 'line-width': 1.3 },
    },
    {
      id: 'selected-ellipse-fill',
      type: 'fill',
      source: 'selected-ellipse',
      paint: { 'fill-color': ['get', 'colour'], 'fill-opacity': 0.22 },
    },
    {
      id: 'selected-ellipse-line',
      type: 'line',
      source: 'selected-ellipse',
      paint: { 'line-color': ['get', 'colour'], 'line-width': 2 },
    },
    {
      id: 'sightings',
      type: 'circle',
      source: 'sightings',
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 11, 3.2, 16, 6],
        'circle-color': '#ffffff',
        'circle-stroke-color': ['get', 'colour'],
        'circle-stroke-width': 2,
      },
    },
    {
      id: 'selected',
      type: 'circle',
      source: 'selected',
      paint: {
        'circle-radius': ['get', 'radius'],
        'circle-color': ['get', 'colour'],
        'circle-opacity': ['get', 'opacity'],
        'circle-stroke-color': ['get', 'colour'],
        'circle-stroke-width': 2,
      },
    },
    {
      id: 'cases',
      type: 'symbol',
      source: 'cases',
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-size': [
          'interpolate',
          ['linear'],
          ['zoom'],
          11,
          ['*', 0.75, ['get', 'scale']],
          14,
          ['*', 0.92, ['get', 'scale']],
          17,
          ['*', 1.1, ['get', 'scale']],
        ],
        'icon-anchor': 'bottom',
        'icon-offset': [0, 2], // the picture's own margin below the pin's point
        'icon-allow-overlap': true,
        'symbol-sort-key': ['get', 'rank'],
      },
    },
    {
      id: 'vehicles',
      type: 'symbol',
      source: 'vehicles',
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-rotate': ['get', 'yaw'],
        'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
      },
      paint: { 'icon-opacity': ['get', 'opacity'] },
    },
    {
      id: 'vehicles-number',
      type: 'symbol',
      source: 'vehicles',
      layout: {
        'text-field': ['to-string', ['get', 'vehicle']],
        'text-font': FONT,
        'text-size': 12,
        'text-allow-overlap': true,
        'text-ignore-placement': true,
      },
      paint: { 'text-color': '#ffffff' },
    },
  ]
}

export function mapStyle(lat: number): StyleSpecification {
  return {
    version: 8,
    sources: Object.fromEntries(
      SOURCES.map((source) => [source, { type: 'geojson' as const, data: NOTHING }]),
    ),
    layers: layers(lat),
  }
}
