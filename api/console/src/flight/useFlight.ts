import { useEffect, useState } from 'react'

import { address, get, patrolPath } from '../api/client'
import type { FlightNow } from '../api/types'
import { begun, type Flight, KINDS, told } from './fold'

const LOOK_EVERY_MS = 5000
const AGAIN_MS = 2000
const SHOW_EVERY_MS = 250
/** The server says something every two seconds; a stream silent for this long is given up. */
const GIVEN_UP_MS = 15_000
/** A flight that ended longer ago is history: its track is on the map. */
const RECENT_S = 3600

/** The running or just ended flight of a patrol, as it goes; null where there is none.
 *
 * The state is asked for, and while the flight runs the stream is followed from there on. When the
 * stream breaks that is begun again, so that nothing is missing in between. A tab that nobody looks
 * at holds no stream: browsers allow only a few to one server. */
export function useFlight(patrol: string | null): Flight | null {
  const [held, setHeld] = useState<{ patrol: string; flight: Flight | null } | null>(null)

  useEffect(() => {
    if (!patrol) return
    const controller = new AbortController()
    let flight: Flight | null = null
    let source: EventSource | null = null
    let timer = 0
    let showing = 0

    const show = (): void => {
      window.clearTimeout(showing)
      showing = 0
      setHeld({ patrol, flight })
    }
    const later = (ms: number): void => {
      window.clearTimeout(timer)
      timer = window.setTimeout(() => void look(), ms)
    }
    const unfollow = (): void => {
      source?.close()
      source = null
    }
    const look = async (): Promise<void> => {
      if (document.hidden) return // it is looked again when the tab is
      let now: FlightNow
      try {
        now = await get<FlightNow>(patrolPath(patrol, 'flight'), controller.signal)
      } catch {
        if (!controller.signal.aborted) later(AGAIN_MS)
        return
      }
      const recent = now.running || (now.quiet_s ?? Infinity) < RECENT_S
      const answers = flight?.answers ?? []
      flight = recent && now.flight ? { ...begun(now), answers } : null
      show()
      if (flight && now.running && !document.hidden) follow(now.cursor)
      else later(LOOK_EVERY_MS)
    }
    const heard = (change: (flight: Flight) => Flight): void => {
      if (!flight) return
      flight = { ...change(flight), heardMs: Date.now() }
      if (!showing) showing = window.setTimeout(show, SHOW_EVERY_MS)
    }
    const follow = (cursor: string): void => {
      unfollow()
      const path = patrolPath(patrol, `flight/live?after=${encodeURIComponent(cursor)}`)
      const opened = new EventSource(address(path))
      source = opened
      for (const kind of KINDS) {
        opened.addEventListener(kind, (event: MessageEvent<string>) => {
          const row: unknown = JSON.parse(event.data)
          heard((now) => told(now, kind, row))
        })
      }
      opened.addEventListener('running', (event: MessageEvent<string>) => {
        const { running, quiet_s } = JSON.parse(event.data) as {
          running: boolean
          quiet_s: number | null
        }
        heard((now) => ({ ...now, running, quietS: quiet_s ?? 0 }))
        if (running) return
        unfollow()
        later(AGAIN_MS)
      })
      opened.onerror = () => {
        unfollow()
        later(AGAIN_MS)
      }
    }
    const watch = window.setInterval(() => {
      if (source && flight && Date.now() - flight.heardMs > GIVEN_UP_MS) {
        unfollow()
        later(0)
      }
    }, AGAIN_MS)
    const turned = (): void => {
      unfollow()
      window.clearTimeout(timer)
      if (!document.hidden) later(0)
    }
    document.addEventListener('visibilitychange', turned)
    void look()
    return () => {
      controller.abort()
      unfollow()
      window.clearTimeout(timer)
      window.clearTimeout(showing)
      window.clearInterval(watch)
      document.removeEventListener('visibilitychange', turned)
    }
  }, [patrol])

  return held !== null && held.patrol === patrol ? held.flight : null
}
