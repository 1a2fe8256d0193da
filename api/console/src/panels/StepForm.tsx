import { App, Button, Input, Select } from 'antd'
import { type ReactNode, useEffect, useState } from 'react'

import { ApiError, takeStep } from '../api/client'
import type { CaseDetail, Department } from '../api/types'
import { useSpeech, type Word } from '../i18n'

const STEPS = ['register', 'dispatch', 'accept', 'handle', 'verify', 'close', 'return'] as const
const ACTOR = 'river-patrol.actor'
const MOST_NOTE = 2000
const MOST_ACTOR = 100

function known(step: string): step is (typeof STEPS)[number] {
  return (STEPS as readonly string[]).includes(step)
}

function storedActor(): string {
  try {
    return localStorage.getItem(ACTOR) ?? ''
  } catch {
    return ''
  }
}

interface Props {
  item: CaseDetail
  departments: Department[]
  onDone: (item: CaseDetail) => void
}

/** What may be done next with the case, as the server says; each asks who does it. */
export function StepForm({ item, departments, onDone }: Props): ReactNode {
  const { t, name } = useSpeech()
  const { message } = App.useApp()
  const [step, setStep] = useState<(typeof STEPS)[number] | null>(null)
  const [actor, setActor] = useState(storedActor)
  const [words, setWords] = useState('')
  const [department, setDepartment] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  const close = (): void => {
    setStep(null)
    setWords('')
    setDepartment(null)
    setProblem(null)
  }
  useEffect(close, [item.number, item.state])

  const steps = item.allowed_steps.filter(known)
  if (steps.length === 0) return <p className="quiet">{t('step.none')}</p>

  const send = async (): Promise<void> => {
    if (!step || busy) return
    const [who, said] = [actor.trim(), words.trim()]
    if (!who) return setProblem(t('step.actor.needed'))
    if (step === 'return' && !said) return setProblem(t('step.reason.needed'))
    setBusy(true)
    try {
      localStorage.setItem(ACTOR, who)
    } catch {
      // Not kept; it is asked for again after a reload.
    }
    const word = t(`step.${step}` as Word)
    try {
      const body: Record<string, string> = { actor: who }
      if (step === 'return') body['reason'] = said
      else if (said) body['note'] = said
      if (step === 'dispatch' && department) body['department'] = department
      const changed = await takeStep(item.number, step, body)
      void message.success(t('step.done', { number: item.number, step: word }))
      onDone(changed)
    } catch (error) {
      const { status, detail } =
        error instanceof ApiError ? error : { status: 0, detail: String(error) }
      const why = status === 0 && !detail ? t('error.unreachable.empty') : detail || `HTTP ${status}`
      setProblem(t('step.failed', { step: word, detail: why }))
    } finally {
      setBusy(false)
    }
  }

  const usual = departments.find(({ handles }) => handles.includes(item.class))
  return (
    <div className="steps">
      <div className="step-buttons">
        {steps.map((value, i) => (
          <Button
            key={value}
            type={i === 0 && value !== 'return' ? 'primary' : 'default'}
            danger={value === 'return'}
            aria-expanded={step === value}
            onClick={() => (step === value ? close() : (close(), setStep(value)))}
          >
            {t(`step.${value}`)}
          </Button>
        ))}
      </div>
      {step && (
        <form
          className="step-form"
          onSubmit={(event) => {
            event.preventDefault()
            void send()
          }}
        >
          <label>
            {t('step.actor')}
            <Input
              value={actor}
              maxLength={MOST_ACTOR}
              placeholder={t('step.actor.hint')}
              autoFocus
              onChange={(event) => setActor(event.target.value)}
            />
          </label>
          {step === 'dispatch' && (
            <label>
              {t('step.department')}
              <Select<string | null>
                aria-label={t('step.department')}
                value={department}
                onChange={setDepartment}
                options={[
                  {
                    value: null,
                    label: t('step.department.default', { name: usual ? name(usual) : '–' }),
                  },
                  ...departments.map((row) => ({ value: row.code, label: name(row) })),
                ]}
              />
            </label>
          )}
          <label>
            {t(step === 'return' ? 'step.reason' : 'step.note')}
            <Input.TextArea
              value={words}
              maxLength={MOST_NOTE}
              autoSize={{ minRows: 2, maxRows: 6 }}
              onChange={(event) => setWords(event.target.value)}
            />
          </label>
          {problem && (
            <p className="problem" role="alert">
              {problem}
            </p>
          )}
          <div className="step-buttons">
            <Button type="primary" htmlType="submit" loading={busy} danger={step === 'return'}>
              {t('step.confirm', { step: t(`step.${step}`) })}
            </Button>
            <Button onClick={close}>{t('step.cancel')}</Button>
          </div>
        </form>
      )}
    </div>
  )
}
