import { useCallback, useEffect, useRef, useState } from 'react'

import { ApiError } from './client'

export interface Resource<T> {
  /** The last answer; it stays while a later request fails, so that the page does not go blank. */
  data: T | null
  error: ApiError | null
  loading: boolean
  reload: () => void
}

/** Keep what `load` gives: again when `key` changes, every `everyMs`, and when the tab is looked
 * at again. A null key holds nothing. `load` must not be slower to start than to be aborted. */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  everyMs = 0,
): Resource<T> {
  const [held, setHeld] = useState<{ key: string | null; data: T } | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const [loading, setLoading] = useState(key !== null)
  const [round, setRound] = useState(0)
  const latest = useRef(load)
  latest.current = load

  const reload = useCallback(() => setRound((value) => value + 1), [])

  useEffect(() => {
    if (key === null) return
    const controller = new AbortController()
    let timer = 0
    const again = (): void => {
      setLoading(true)
      latest
        .current(controller.signal)
        .then((data) => {
          if (controller.signal.aborted) return
          setHeld({ key, data })
          setError(null)
        })
        .catch((problem: unknown) => {
          if (controller.signal.aborted) return
          setError(problem instanceof ApiError ? problem : new ApiError(0, ''))
        })
        .finally(() => {
          if (controller.signal.aborted) return
          setLoading(false)
          if (everyMs > 0) timer = window.setTimeout(tick, everyMs)
        })
    }
    const tick = (): void => {
      if (document.hidden) timer = window.setTimeout(tick, everyMs)
      else again()
    }
    again()
    return () => {
      controller.abort()
      window.clearTimeout(timer)
    }
  }, [key, everyMs, round])

  const current = held !== null && held.key === key ? held.data : null
  return { data: current, error, loading, reload }
}
