import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { RouteRequest } from './route.ts'
import { storableOnly } from './text.ts'

/** @throws AppError `invalid_request` that says what each part of the path may be. */
export function readParams<Schema extends z.ZodObject>(
  { param }: RouteRequest,
  schema: Schema,
): z.output<Schema> {
  const sent = Object.keys(schema.shape).map((name) => [name, param(name)])
  return check(schema, Object.fromEntries(sent), 'path')
}

/** @throws AppError `invalid_request` that says what each parameter may be. */
export function readQuery<Schema extends z.ZodObject>(
  { query }: RouteRequest,
  schema: Schema,
): z.output<Schema> {
  const names = [...query.keys()]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new AppError('invalid_request', `the query names ${shown(twice)} more than once`)
  }
  return check(schema, Object.fromEntries(query), 'query')
}

/**
 * A body of JSON; none at all is an object without fields.
 *
 * @throws AppError `too_large`, or `invalid_request` that says what each field may be.
 */
export async function readBody<Schema extends z.ZodType>(
  request: RouteRequest,
  schema: Schema,
): Promise<z.output<Schema>> {
  const body = await request.body()
  if (body.length === 0) return check(schema, {}, 'body')
  return check(schema, parseJson(body), 'body')
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body), storableOnly)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('invalid_request', 'the body is not JSON in UTF-8')
  }
}

type Place = 'path' | 'query' | 'body'

function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: Place,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { error: sentenceEnd })
  if (parsed.success) return parsed.data
  const sentences = parsed.error.issues.map(({ path, message }) => {
    const field = path.length === 0 ? `the ${place}` : `${place}: ${path.map(shown).join('.')}`
    return `${field} ${message}`
  })
  throw new AppError('invalid_request', sentences.slice(0, sentencesMax).join('; '))
}

const sentencesMax = 5

type Issue = z.core.$ZodRawIssue

/** What goes on after the field's name. Schemas may say it better themselves. */
function sentenceEnd(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type') {
    const missing = issue.input === undefined ? 'is missing; it ' : ''
    return `${missing}must be of the type ${issue.expected}`
  }
  if (issue.code === 'invalid_value') return `must be ${listed(issue.values)}`
  if (issue.code === 'invalid_union' && 'options' in issue) {
    return `must be ${listed(issue.options)}`
  }
  if (issue.code === 'unrecognized_keys') {
    return `has ${issue.keys.map(shown).join(', ')}, which means nothing here${allowed(issue)}`
  }
  return aboutMeasure(issue)
}

function aboutMeasure(issue: Issue): string | undefined {
  if (issue.code === 'too_big') return `must ${amount(issue.origin, 'at most', issue.maximum)}`
  if (issue.code === 'too_small') return `must ${amount(issue.origin, 'at least', issue.minimum)}`
  return issue.code === 'invalid_format' ? 'has not the form that openapi.json gives it' : undefined
}

function amount(origin: string, most: string, count: number | bigint): string {
  if (origin === 'string') return `have ${most} ${count} characters`
  return origin === 'array' ? `have ${most} ${count} items` : `be ${most} ${count}`
}

function listed(values: unknown): string {
  const texts = Array.isArray(values) ? values.map(String) : []
  return texts.length === 1 ? texts.join() : `one of ${texts.join(', ')}`
}

function allowed({ inst }: Issue): string {
  const names = inst instanceof z.ZodObject ? Object.keys(inst.shape) : []
  return names.length === 0 ? '' : `; it may have ${names.join(', ')}`
}

/** What was sent goes into the answer only as a name, cut short. */
function shown(name: PropertyKey): string {
  return String(name).slice(0, 60)
}
