/** From what the API sends to what the map's sources hold: labels in the viewer's language,
 * colours, icons. Every function is pure but for the icons that it asks for. */

import type { Feature, FeatureCollection, Point } from 'geojson'

import type {
  Area,
  Case,
  Ellipse,
  FlightVehicle,
  Layer,
  Sighting,
  Trail,
  Violation,
} from '../api/types'
import type { Speech, Word } from '../i18n'
import { CLASS_COLOURS, PHASE_COLOURS, PHASE_OF, sortieColour, vehicleColour } from '../theme'
import { along, collection, ellipsePolygon, labelPoint } from './geometry'
import type { Marker } from './icons'
import { TINTS } from './style'

export type ColourBy = 'class' | 'state'
export type Icon = (marker: Marker) => string

export function classWord(violation: Violation): Word {
  return `class.${violation}`
}

export function badgeWord(violation: Violation): Word {
  return `badge.${violation}`
}

function labelled(layer: FeatureCollection, speech: Speech): Feature[] {
  return layer.features.map((feature) => ({
    ...feature,
    properties: {
      ...feature.properties,
      label: speech.name({
        name: String(feature.properties?.['name'] ?? feature.properties?.['code'] ?? ''),
        name_en: feature.properties?.['name_en'] as string | undefined,
      }),
    },
  }))
}

export function baseData(area: Area, speech: Speech, icon: Icon): Record<string, FeatureCollection> {
  const { layers } = area
  const launch = icon({ character: speech.t('map.launch.badge'), colour: '#26334a', square: true })
  const rivers = labelled(layers.rivers, speech)
  const communities = labelled(layers.communities, speech).map((feature, i) => ({
    ...feature,
    properties: { ...feature.properties, tint: TINTS[(i * 3) % TINTS.length] ?? '#f5f3ed' },
  }))
  return {
    rivers: collection(rivers),
    'river-names': collection(
      // Two places each: a pin may leave no room at one of them.
      rivers.flatMap((feature) =>
        [0.3, 0.55].map((part) => ({ ...feature, geometry: along(feature.geometry, part) })),
      ),
    ),
    communities: collection(communities),
    'community-names': collection(
      communities.map((feature) => ({ ...feature, geometry: labelPoint(feature.geometry) })),
    ),
    grids: collection(labelled(layers.grids, speech)),
    zones: layers.management_zones,
    permitted: layers.permitted_structures,
    launch: collection(
      labelled(layers.launch_sites, speech).map((feature) => ({
        ...feature,
        properties: { ...feature.properties, icon: launch },
      })),
    ),
    nofly: collection(labelled(layers.no_fly_zones, speech)),
  }
}

/** Which sortie a line belongs to, of `2` or `sortie-02`: 0 where the layer does not say. */
export function sortieOf(feature: Feature): number {
  return Number(/\d+/.exec(String(feature.properties?.['sortie'] ?? ''))?.[0] ?? 0)
}

export function lines(layer: Layer | null, hidden: ReadonlySet<number>): FeatureCollection {
  return collection(
    (layer?.features ?? [])
      .filter(
        ({ geometry }) => geometry.type === 'LineString' || geometry.type === 'MultiLineString',
      )
      .filter((feature) => !hidden.has(sortieOf(feature)))
      .map((feature) => ({
        ...feature,
        properties: { ...feature.properties, colour: sortieColour(sortieOf(feature)) },
      })),
  )
}

export function markerOf(item: Case, by: ColourBy, speech: Speech): Marker {
  const phase = PHASE_OF[item.state]
  return {
    character: speech.t(badgeWord(item.class)),
    colour: by === 'class' ? CLASS_COLOURS[item.class] : PHASE_COLOURS[phase],
    overdue: item.overdue,
    hollow: phase === 'done',
  }
}

export function caseData(
  cases: Case[],
  selected: string | null,
  by: ColourBy,
  speech: Speech,
  icon: Icon,
): FeatureCollection {
  return collection(
    cases.map((item) => ({
      type: 'Feature' as const,
      geometry: { type: 'Point' as const, coordinates: [item.lon, item.lat] },
      properties: {
        number: item.number,
        icon: icon(markerOf(item, by, speech)),
        scale: item.number === selected ? 1.35 : 1,
        // What is selected lies on top, then what is late; what is done lies below.
        rank:
          item.number === selected
            ? 3
            : item.overdue
              ? 2
              : PHASE_OF[item.state] === 'done'
                ? 0
                : 1,
      },
    })),
  )
}

export function sightingData(sightings: Sighting[], patrol: string): FeatureCollection<Point> {
  return collection(
    sightings.map(({ geometry, properties }) => ({
      type: 'Feature' as const,
      geometry,
      properties: { id: properties.id, patrol, colour: CLASS_COLOURS[properties.class] },
    })),
  ) as FeatureCollection<Point>
}

export function ellipseData(
  rows: { lon: number; lat: number; ellipse: Ellipse; class: Violation }[],
): FeatureCollection {
  return collection(
    rows.map((row) => ({
      type: 'Feature' as const,
      geometry: ellipsePolygon(row.lon, row.lat, row.ellipse),
      properties: { colour: CLASS_COLOURS[row.class] },
    })),
  )
}

/** Where vehicles are, each turned to where it looks; one that is silent is seen through. */
export function vehicleData(
  vehicles: FlightVehicle[],
  icon: (colour: string) => string,
): FeatureCollection {
  return collection(
    vehicles.flatMap(({ vehicle, position }) =>
      position
        ? [
            {
              type: 'Feature' as const,
              geometry: { type: 'Point' as const, coordinates: [position.lon, position.lat] },
              properties: {
                vehicle,
                icon: icon(vehicleColour(vehicle)),
                yaw: position.yaw_deg ?? 0,
                opacity: position.link === 'silent' ? 0.5 : 1,
              },
            },
          ]
        : [],
    ),
  )
}

export function trailData(trails: Trail[]): FeatureCollection {
  return collection(
    trails
      .filter(({ line }) => line.length > 1)
      .map(({ vehicle, line }) => ({
        type: 'Feature' as const,
        geometry: { type: 'LineString' as const, coordinates: line },
        properties: { colour: vehicleColour(vehicle) },
      })),
  )
}
