import type { Feature, FeatureCollection, Geometry, Point, Polygon, Position } from 'geojson'

import type { Ellipse } from '../api/types'

const STEPS = 72

/** Metres in one degree of latitude and of longitude on WGS-84 (the usual series; good to a
 * centimetre a kilometre, far below what an ellipse on a screen can show). */
function metresPerDegree(lat: number): { north: number; east: number } {
  const p = (lat * Math.PI) / 180
  return {
    north: 111132.954 - 559.822 * Math.cos(2 * p) + 1.175 * Math.cos(4 * p),
    east: 111412.84 * Math.cos(p) - 93.5 * Math.cos(3 * p) + 0.118 * Math.cos(5 * p),
  }
}

/** The ellipse's outline on the ground; its bearing is clockwise from north. */
export function ellipsePolygon(lon: number, lat: number, ellipse: Ellipse): Polygon {
  const metres = metresPerDegree(lat)
  const bearing = (ellipse.bearing_deg * Math.PI) / 180
  const ring: Position[] = []
  for (let i = 0; i <= STEPS; i++) {
    const angle = (2 * Math.PI * (i % STEPS)) / STEPS
    const along = ellipse.semi_major_m * Math.cos(angle)
    const across = ellipse.semi_minor_m * Math.sin(angle)
    const east = along * Math.sin(bearing) + across * Math.cos(bearing)
    const north = along * Math.cos(bearing) - across * Math.sin(bearing)
    ring.push([lon + east / metres.east, lat + north / metres.north])
  }
  return { type: 'Polygon', coordinates: [ring] }
}

/** Where the name of a polygon, or of the largest of several, is written: its centroid. */
export function labelPoint(geometry: Geometry): Point {
  const polygons =
    geometry.type === 'Polygon'
      ? [geometry.coordinates]
      : geometry.type === 'MultiPolygon'
        ? geometry.coordinates
        : []
  const centres = polygons.map((rings) => centroid(rings[0] ?? []))
  const largest = centres.sort((a, b) => b.area - a.area)[0]
  return { type: 'Point', coordinates: largest?.at ?? [0, 0] }
}

function centroid(ring: Position[]): { at: Position; area: number } {
  const [x0 = 0, y0 = 0] = ring[0] ?? []
  let twice = 0
  let x = 0
  let y = 0
  for (let i = 1; i < ring.length; i++) {
    const [ax = 0, ay = 0] = ring[i - 1] ?? []
    const [bx = 0, by = 0] = ring[i] ?? []
    const cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
    twice += cross
    x += (ax + bx - 2 * x0) * cross
    y += (ay + by - 2 * y0) * cross
  }
  const at = twice === 0 ? [x0, y0] : [x0 + x / (3 * twice), y0 + y / (3 * twice)]
  return { at, area: Math.abs(twice) }
}

/** The point at this share (0 to 1) of a line's length. */
export function along(geometry: Geometry, part: number): Point {
  const line = geometry.type === 'LineString' ? geometry.coordinates : []
  let left = lengthM(line) * part
  for (let i = 1; i < line.length; i++) {
    const [a = [0, 0], b = [0, 0]] = [line[i - 1], line[i]]
    const piece = lengthM([a, b])
    if (piece >= left) {
      const [ax = 0, ay = 0] = a
      const [bx = 0, by = 0] = b
      const share = piece > 0 ? left / piece : 0
      return { type: 'Point', coordinates: [ax + share * (bx - ax), ay + share * (by - ay)] }
    }
    left -= piece
  }
  return { type: 'Point', coordinates: line.at(-1) ?? [0, 0] }
}

/** The length of a line in metres, by straight pieces. */
export function lengthM(line: Position[]): number {
  let total = 0
  for (let i = 1; i < line.length; i++) {
    const [ax = 0, ay = 0] = line[i - 1] ?? []
    const [bx = 0, by = 0] = line[i] ?? []
    const metres = metresPerDegree((ay + by) / 2)
    total += Math.hypot((bx - ax) * metres.east, (by - ay) * metres.north)
  }
  return total
}

export function collection<F extends Feature>(features: F[]): FeatureCollection {
  return { type: 'FeatureCollection', features }
}

export const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] }
