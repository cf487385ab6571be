import type { IncomingHttpHeaders } from 'node:http'
import { isTokenText } from '../../src/access/token-text.ts'
import { isLinkConstraint, parseConstraint, satisfies } from '../../src/composer/constraints.ts'
import { parseDocument } from '../../src/composer/document.ts'
import { readJsonAsPhpDoes } from '../../src/composer/json.ts'
import { problemOfVersion } from '../../src/composer/loadable.ts'
import { malwareIn } from '../../src/composer/malware-list.ts'
import {
  isReferenceToken,
  isVersionToken,
  referenceToken,
  versionToken,
} from '../../src/composer/mirror-tokens.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import { noticesIn } from '../../src/composer/notices.ts'
import { publishableVersion } from '../../src/composer/published-version.ts'
import { matcherOf } from '../../src/composer/vendor-patterns.ts'
import { compareVersions, versionParts } from '../../src/composer/version-compare.ts'
import { blockedAmong } from '../../src/composer/version-rules.ts'
import { normalizeVersion } from '../../src/composer/versions.ts'
import { createClientAddresses } from '../../src/http/client-addresses.ts'
import { isNotModified } from '../../src/http/conditional.ts'
import { tokenIn } from '../../src/http/credentials.ts'
import { wantedRange } from '../../src/http/ranges.ts'
import { refuseCrossSite } from '../../src/http/same-site.ts'
import { straightTo } from '../../src/http/straight.ts'
import { namesVendor, plainWords } from '../../src/private/answers/plain-words.ts'
import { questionForUpstream } from '../../src/private/answers/questions.ts'
import { parseDuration } from '../../src/time-machine/duration.ts'
import {
  parseHttpDate,
  parseInstant,
  parseMetadataTime,
  parsePin,
} from '../../src/time-machine/instant.ts'
import { pauseMsOf } from '../../src/upstream/retry-after.ts'

type Reader = (text: string) => unknown

const validators = { etag: '"x"', lastModified: 'x' }
const packageName = PackageName.parse('acme/log')
const vendors = ['acme', 'a*b*c', '*-a-*-b']
const routes = ['/p2/:vendor/:file', '/dist-proxy/:vendor/:package/:version/:file{/:name}'].map(
  (path) =>
    ({
      surface: 'composer',
      policy: 'read',
      method: 'get',
      path,
      straight: true,
      handle: async () => ({ status: 200, headers: {} }),
    }) as const,
)
const findStraight = straightTo(routes)
const { ofClient } = createClientAddresses({
  trustedProxies: ['10.0.0.0/8', '1.0.0.0/8'],
  isPublicAddress: () => false,
  logger: { warn: () => undefined },
})

function crossSite(headers: IncomingHttpHeaders): void {
  const writing = { method: 'POST', takes: 'application/json', headers } as const
  try {
    refuseCrossSite(writing, undefined)
  } catch {
    // It is refused, which is an answer.
  }
}

/** Every reader of text that comes from upstream or from a client, by what it reads. */
export const readers: Readonly<Record<string, Reader>> = {
  constraint: (text) => {
    const constraint = parseConstraint(text)
    return constraint && satisfies('1.2.3.0', constraint)
  },
  'constraint of a link': isLinkConstraint,
  'constraint of a rule': (constraint) =>
    blockedAmong(['1.2.3.0'], [{ list: 'own', constraint, reason: null }]),
  'constraint of a list': (text) =>
    malwareIn(Buffer.from(JSON.stringify({ filter: { malware: { 'acme/log': text } } }))),
  version: normalizeVersion,
  'normalized version': (text) => compareVersions(versionParts(text), versionParts(`${text}.1`)),
  'published version': publishableVersion,
  'fields of a version': (text) =>
    problemOfVersion({
      name: text,
      version: text,
      source: { type: 'git', url: text },
      require: {},
    }),
  package: (text) => PackageName.safeParse(text),
  document: (text) => DocumentName.safeParse(text),
  'patterns of vendors': matcherOf(vendors),
  JSON: (text) => readJsonAsPhpDoes(Buffer.from(text), { depthMax: 64, valuesMax: 250_000 }),
  'metadata file': (text) =>
    parseDocument(Buffer.from(`{"packages":{"acme/log":[${text}]}}`), packageName),
  notices: (text) => noticesIn({ warning: text, infos: [{ versions: text, message: text }] }),
  'version token': (text) => [isVersionToken(text), versionToken(text)],
  'reference token': (text) => [isReferenceToken(text), referenceToken(text)],
  instant: parseInstant,
  pin: parsePin,
  duration: parseDuration,
  'time of a version': parseMetadataTime,
  'Last-Modified': parseHttpDate,
  'Retry-After': (text) => pauseMsOf({ status: 503, headers: { 'retry-after': text } }, 0),
  Range: (range) => wantedRange({ range }, { etag: '"x"', sizeBytes: 1_000 }),
  'If-Range': (text) =>
    wantedRange({ range: 'bytes=0-', 'if-range': text }, { etag: '"x"', sizeBytes: 1_000 }),
  Authorization: (authorization) => tokenIn({ authorization }),
  token: isTokenText,
  'If-None-Match': (text) => isNotModified({ 'if-none-match': text }, validators),
  'If-Modified-Since': (text) => isNotModified({ 'if-modified-since': text }, validators),
  'X-Forwarded-For': (text) =>
    ofClient({ headers: { 'x-forwarded-for': text }, socket: { remoteAddress: '10.0.0.1' } }),
  Origin: (origin) => crossSite({ origin }),
  'Content-Type': (text) => crossSite({ 'content-type': text }),
  path: (text) => findStraight('GET', text),
  'path of metadata': (text) => findStraight('GET', `/p2/${text}`),
  'words of a search': (text) => [plainWords(text), namesVendor(text, vendors)],
  'question for a search': (text) =>
    questionForUpstream('search', new URLSearchParams(text), { patterns: vendors }),
  'question for a list': (text) =>
    questionForUpstream('list', new URLSearchParams({ filter: text }), { patterns: vendors }),
}

/** What texts of all these kinds are made of, and what ends a match early. */
export const atoms: readonly string[] = [
  ['0', '1', '12', '007', '2024', '20240501', '.', '-', '_', '+', ':', '/', '\\', '~', '^'],
  ['*', 'x', 'X', 'v', '>', '<', '=', '!=', '|', '||', ',', ' ', '  ', '\t', '\n', '\r', '\0'],
  ['a', 'b', 'p', 'rc', 'RC1', 'beta', '-beta1', 'alpha', 'stable', 'dev', '-dev', '.x-dev'],
  ['dev-', '@', '@dev', '#', '#a', ' as ', ' - ', '1.0-beta', '.1', '-1', 'Z', 'T', 'T00:00'],
  ['a-', 'a--', 'a.', 'a_', 'acme/', 'acme/log', '~dev', '.json', '.zip', '..', '%', '%2f'],
  ['"', "'", '{', '}', '[', ']', '"a":', '\\ud800', '\\u0000', 'null', '{"a":1},', ';', '&', '?'],
  [
    '=&',
    'q=',
    'bytes=',
    '0-',
    'Bearer ',
    'Basic ',
    'YTo',
    'W/',
    '"x"',
    'https://',
    '::',
    '1.1.1.1',
  ],
  ['Mon, ', ' GMT', 'Jan', 'é', '\u00A0', '\u200B', '\u{1F600}', '\uD800', 'ǅ', '10.0.0.1, '],
].flat()
