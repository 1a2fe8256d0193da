/** Markers, drawn on a canvas when they are first needed: a disc with one character. */

import type { Map as MapLibre } from 'maplibre-gl'

import { OVERDUE } from '../theme'

const SCALE = 2

export interface Marker {
  character: string
  colour: string
  overdue?: boolean
  /** Done: drawn hollow, so that the eye goes to what is still open. */
  hollow?: boolean
  square?: boolean
}

export function markerName(marker: Marker): string {
  const { character, colour, overdue, hollow, square } = marker
  return ['marker', character, colour, overdue ? 1 : 0, hollow ? 1 : 0, square ? 1 : 0].join('|')
}

/** Add the marker's picture to the map unless it is there; returns its name. */
export function ensureMarker(map: MapLibre, marker: Marker): string {
  const name = markerName(marker)
  if (!map.hasImage(name)) {
    const picture = draw(marker)
    if (picture) map.addImage(name, picture, { pixelRatio: SCALE })
  }
  return name
}

function draw(marker: Marker): ImageData | null {
  const size = 30 * SCALE
  const canvas = document.createElement('canvas')
  canvas.width = size
  canvas.height = size
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return null
  const centre = size / 2
  const disc = (radius: number, fill: string): void => {
    context.beginPath()
    if (marker.square) {
      context.roundRect(centre - radius, centre - radius, 2 * radius, 2 * radius, 3 * SCALE)
    } else {
      context.arc(centre, centre, radius, 0, 2 * Math.PI)
    }
    context.fillStyle = fill
    context.fill()
  }
  context.save()
  context.shadowColor = 'rgba(20, 30, 40, 0.45)'
  context.shadowBlur = 3 * SCALE
  context.shadowOffsetY = SCALE
  disc(11 * SCALE, '#ffffff')
  context.restore()
  if (marker.overdue) disc(13 * SCALE, OVERDUE)
  disc(11 * SCALE, '#ffffff')
  disc(9.4 * SCALE, marker.colour)
  if (marker.hollow) disc(7.6 * SCALE, '#ffffff')
  context.fillStyle = marker.hollow ? marker.colour : '#ffffff'
  context.font = `600 ${11 * SCALE}px system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`
  context.textAlign = 'center'
  context.textBaseline = 'alphabetic'
  const box = context.measureText(marker.character)
  const baseline = centre + (box.actualBoundingBoxAscent - box.actualBoundingBoxDescent) / 2
  context.fillText(marker.character, centre, baseline)
  return context.getImageData(0, 0, size, size)
}
