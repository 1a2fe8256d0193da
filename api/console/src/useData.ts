/** Everything that the page shows, as the API has it now. */

import { useEffect, useMemo } from 'react'

import { allCases, get, patrolPath } from './api/client'
import type { Area, CaseDetail, Layer, Patrol, Sighting, Summary } from './api/types'
import { type Resource, useResource } from './api/useResource'
import { setServerTime } from './clock'
import { sortieOf } from './map/data'

const OFTEN_MS = 15_000
const SELDOM_MS = 60_000
const NO_SIGHTINGS: Sighting[] = []

export interface PatrolLayers {
  lanes: Layer | null
  track: Layer | null
  sightings: Sighting[]
  /** The sightings were read; an empty list then means that there are none. */
  read: boolean
  sorties: number[]
}

export function useArea(): Resource<Area> {
  return useResource('area', (signal) => get<Area>('api/area', signal), 0)
}

export function usePatrols(): Resource<Patrol[]> {
  return useResource('patrols', (signal) => get<Patrol[]>('api/patrols', signal), SELDOM_MS)
}

export function useCases(patrol: string | null): Resource<CaseListing> {
  const cases = useResource(
    patrol === null ? null : `cases ${patrol}`,
    async (signal) => {
      // The summary's time goes with the cases: countdowns run on the server's clock.
      const [items, summary] = await Promise.all([
        allCases(patrol ?? '', signal),
        get<Summary>('api/summary', signal),
      ])
      return { items, at: summary.at }
    },
    OFTEN_MS,
  )
  const at = cases.data?.at
  useEffect(() => {
    if (at) setServerTime(at)
  }, [at])
  return cases
}

export interface CaseListing {
  items: Awaited<ReturnType<typeof allCases>>
  at: string
}

export function useCase(number: string | null): Resource<CaseDetail> {
  return useResource(
    number === null ? null : `case ${number}`,
    (signal) => get<CaseDetail>(`api/cases/${encodeURIComponent(number ?? '')}`, signal),
    OFTEN_MS,
  )
}

/** Lanes, track and sightings of one patrol: those that it has come to. */
export function usePatrolLayers(patrol: Patrol | null): [PatrolLayers, Resource<unknown>] {
  const have = patrol && [patrol.planned, patrol.flown, patrol.analysed]
  const layer = (
    wanted: boolean | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<Layer | null> =>
    wanted && patrol
      ? get<Layer>(patrolPath(patrol.id, `${name}.geojson`), signal)
      : Promise.resolve(null)
  const resource = useResource(
    patrol ? `layers ${patrol.id} ${String(have)} ${patrol.sightings}` : null,
    async (signal) => {
      const [lanes, track, sightings] = await Promise.all([
        layer(have?.[0], 'lanes', signal),
        layer(have?.[1], 'track', signal),
        layer(have?.[2], 'sightings', signal),
      ])
      return { lanes, track, sightings }
    },
  )
  const { data } = resource
  const layers = useMemo<PatrolLayers>(() => {
    const ids = [...(data?.lanes?.features ?? []), ...(data?.track?.features ?? [])].map(sortieOf)
    return {
      lanes: data?.lanes ?? null,
      track: data?.track ?? null,
      sightings: (data?.sightings?.features as Sighting[] | undefined) ?? NO_SIGHTINGS,
      read: data !== null,
      sorties: [...new Set(ids)].filter((id) => id > 0).sort((a, b) => a - b),
    }
  }, [data])
  return [layers, resource]
}
