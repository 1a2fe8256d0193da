/** The console's only source of words: Chinese first, with a switch to English. */

import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react'
import type { ReactNode } from 'react'

import { en } from './en'
import { type Word, type Words, zh } from './zh'

export type { Word } from './zh'
export type Language = 'zh' | 'en'

const WORDS: Record<Language, Words> = { zh, en }
const TAGS: Record<Language, string> = { zh: 'zh-CN', en: 'en-GB' }
const STORED = 'river-patrol.language'

type Values = Record<string, string | number>
export type Translate = (word: Word, values?: Values) => string

export interface Speech {
  language: Language
  /** A word or sentence, with its {places} filled in. */
  t: Translate
  /** The name in the viewer's language, of something that has both. */
  name: (thing: { name: string; name_en?: string | undefined }) => string
  /** A UTC time as the viewer's clock shows it, with the year only where it is not this one. */
  time: (iso: string) => string
  /** The time of day of a UTC time, to the second. */
  clock: (iso: string) => string
  number: (value: number, digits?: number) => string
  toggle: () => void
}

const Context = createContext<Speech | null>(null)

function stored(): Language {
  try {
    return localStorage.getItem(STORED) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh'
  }
}

function formatters(language: Language): Pick<Speech, 'time' | 'clock' | 'number'> {
  const short: Intl.DateTimeFormatOptions = {
    month: language === 'zh' ? 'numeric' : 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }
  const thisYear = new Intl.DateTimeFormat(TAGS[language], short)
  const anyYear = new Intl.DateTimeFormat(TAGS[language], { ...short, year: 'numeric' })
  const ofDay = new Intl.DateTimeFormat(TAGS[language], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const year = new Date().getFullYear()
  return {
    time: (iso) => {
      const at = new Date(iso)
      if (Number.isNaN(at.getTime())) return iso
      return (at.getFullYear() === year ? thisYear : anyYear).format(at)
    },
    clock: (iso) => {
      const at = new Date(iso)
      return Number.isNaN(at.getTime()) ? iso : ofDay.format(at)
    },
    number: (value, digits = 0) =>
      new Intl.NumberFormat(TAGS[language], {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }).format(value),
  }
}

export function SpeechProvider({ children }: { children: ReactNode }): ReactNode {
  const [language, setLanguage] = useState<Language>(stored)

  const toggle = useCallback(() => {
    setLanguage((now) => (now === 'zh' ? 'en' : 'zh'))
  }, [])

  const speech = useMemo<Speech>(() => {
    const words = WORDS[language]
    return {
      language,
      toggle,
      t: (word, values = {}) =>
        words[word].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
      name: (thing) => (language === 'en' && thing.name_en) || thing.name,
      ...formatters(language),
    }
  }, [language, toggle])

  useEffect(() => {
    document.documentElement.lang = TAGS[language]
    document.title =
      language === 'zh' ? `${zh['app.title']} River Patrol` : `${en['app.title']} 河道巡查`
    try {
      localStorage.setItem(STORED, language)
    } catch {
      // Private windows may keep nothing; the choice then lasts as long as the page.
    }
  }, [language])

  return <Context value={speech}>{children}</Context>
}

export function useSpeech(): Speech {
  const speech = useContext(Context)
  if (!speech) throw new Error('useSpeech outside of SpeechProvider')
  return speech
}
