/** Markers, drawn on a canvas when they are first needed: a pin with one character, whose point is
 * the place, so that the ellipse about it stays in sight. */

import type { Map as MapLibre } from 'maplibre-gl'

import { OVERDUE } from '../theme'

const SCALE = 2
const FONT = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'

export interface Marker {
  character: string
  colour: string
  overdue?: boolean
  /** Done: drawn hollow, so that the eye goes to what is still open. */
  hollow?: boolean
  /** A square that lies on its place, for what belongs to the map rather than to a case. */
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

const VEHICLE_SIZE = 44
const VEHICLE_RADIUS = 11
const VEHICLE_NOSE = 20

/** A vehicle's picture: a disc with a nose that points up, to be turned to where it looks. */
export function ensureVehicle(map: MapLibre, colour: string): string {
  const name = `vehicle|${colour}`
  if (!map.hasImage(name)) {
    const picture = drawVehicle(colour)
    if (picture) map.addImage(name, picture, { pixelRatio: SCALE })
  }
  return name
}

function drawVehicle(colour: string): ImageData | null {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = VEHICLE_SIZE * SCALE
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return null
  context.scale(SCALE, SCALE)
  context.translate(VEHICLE_SIZE / 2, VEHICLE_SIZE / 2)
  const half = Math.acos(VEHICLE_RADIUS / VEHICLE_NOSE) // where the nose touches the disc
  context.beginPath()
  context.arc(0, 0, VEHICLE_RADIUS, -Math.PI / 2 + half, -Math.PI / 2 - half + 2 * Math.PI)
  context.lineTo(0, -VEHICLE_NOSE)
  context.closePath()
  context.lineJoin = 'round'
  context.save()
  context.shadowColor = 'rgba(20, 30, 40, 0.55)'
  context.shadowBlur = 3 * SCALE
  context.strokeStyle = '#ffffff'
  context.lineWidth = 3.5
  context.stroke()
  context.restore()
  context.fillStyle = colour
  context.fill()
  return context.getImageData(0, 0, canvas.width, canvas.height)
}

// In pixels of the screen: the disc of a pin, its middle above the point, and the picture's size.
const RADIUS = 11
const RISE = 17
const SIZE = 34
const HEIGHT = 33

/** The outline of a pin whose disc has `radius`; `grow` widens the tail as much as the disc. */
function pin(context: CanvasRenderingContext2D, radius: number, grow: number): void {
  const x = SIZE / 2
  const y = HEIGHT - 2 - RISE
  const half = Math.PI / 3.4
  context.beginPath()
  context.arc(x, y, radius, Math.PI / 2 + half, Math.PI / 2 - half)
  context.lineTo(x, y + RISE + grow)
  context.closePath()
}

function draw(marker: Marker): ImageData | null {
  const canvas = document.createElement('canvas')
  canvas.width = SIZE * SCALE
  canvas.height = (marker.square ? SIZE : HEIGHT) * SCALE
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return null
  context.scale(SCALE, SCALE)
  const x = SIZE / 2
  const y = marker.square ? SIZE / 2 : HEIGHT - 2 - RISE
  const fill = (colour: string, less: number): void => {
    if (marker.square) {
      const r = RADIUS - less
      context.beginPath()
      context.roundRect(x - r, y - r, 2 * r, 2 * r, 3)
    } else {
      pin(context, RADIUS - less, -1.6 * less)
    }
    context.fillStyle = colour
    context.fill()
  }
  context.save()
  context.shadowColor = 'rgba(20, 30, 40, 0.4)'
  context.shadowBlur = 3 * SCALE
  context.shadowOffsetY = SCALE
  fill('#ffffff', 0)
  context.restore()
  if (marker.overdue) fill(OVERDUE, -1.6)
  fill('#ffffff', 0)
  fill(marker.colour, 1.6)
  if (marker.hollow) {
    context.beginPath()
    context.arc(x, y, RADIUS - 3.4, 0, 2 * Math.PI)
    context.fillStyle = '#ffffff'
    context.fill()
  }
  context.fillStyle = marker.hollow ? marker.colour : '#ffffff'
  context.font = `600 11px ${FONT}`
  context.textAlign = 'center'
  context.textBaseline = 'alphabetic'
  const box = context.measureText(marker.character)
  const baseline = y + (box.actualBoundingBoxAscent - box.actualBoundingBoxDescent) / 2
  context.fillText(marker.character, x, baseline)
  return context.getImageData(0, 0, canvas.width, canvas.height)
}
