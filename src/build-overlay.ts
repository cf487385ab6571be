import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { readDigest } from '../projections/document-digest.ts'
import {
  type CurrentDocument as CurrentRow,
  readCurrentDocument,
  readStatesAround,
} from '../projections/document-queries.ts'
import { freeze as freezeProjection, readFrozen } from '../projections/freeze.ts'
import { readLaidOver } from '../projections/overlay-queries.ts'
import { readVersionsOf } from '../projections/package-reference.ts'
import { readAllRules, readRules, toLayOver, versionRule } from '../projections/version-rule.ts'
import { type Admit, createAdmit } from './archives/admit.ts'
import { type Blocks, createBlocks } from './blocks.ts'
import { buildKeptOut } from './build-kept-out.ts'
import { buildKnowledge, type KnowledgeParts } from './build-knowledge.ts'
import { type DocumentName, type PackageName, packageOfDocument } from './composer/names.ts'
import { emptyDocument } from './composer/own-document.ts'
import { createDateOf, type DateOf } from './database/overlaid-dates.ts'
import type { Config } from './config.ts'
import type { Db } from './database/schema.ts'
import { AppError } from './errors.ts'
import type { DescribeKeptOut } from './kept-out.ts'
import type { Position } from './events/types.ts'
import { createFreezes, type Freezes } from './freezes.ts'
import { bodyAsOf, createDocumentAsOf, type DocumentAsOf } from './metadata/as-of.ts'
import type { Asking } from './metadata/asking.ts'
import type { Bodies } from './metadata/bodies.ts'
import type { CurrentDocument } from './metadata/current.ts'
import type { NewestBody } from './metadata/known-advisories.ts'
import { createHeldArchives } from './metadata/held-archives.ts'
import { createRefreshPackage, type RefreshPackage } from './metadata/refresh-package.ts'
import { createLookAgain } from './metadata/look-again.ts'
import { createOverlay, freezeNow, type LaidOver, type Overlay } from './metadata/overlay.ts'
import type { Refresh } from './metadata/refresh.ts'
import type { Render } from './metadata/rendering.ts'
import { createServable } from './metadata/servable.ts'
import type { Reserved } from './private/reserved.ts'
import { createStandsInForNone } from './private/stand-ins.ts'
import { whenCaughtUp } from './projector/caught-up.ts'
import { waitingFor } from './projector/run.ts'
import { type Asked, observed, type Observer } from './telemetry/observer.ts'
import type { Instant } from './time-machine/instant.ts'

interface OverlayParts extends Reserved, KnowledgeParts {
  readonly config: Pick<
    Config,
    'privateReplacedBy' | 'distMode' | 'proxyEnabled' | 'metadataTtlSeconds'
  > &
    KnowledgeParts['config']
  readonly observer: Pick<Observer, 'cacheUsed'>
  readonly outside: { readonly now: () => Instant; readonly logger: Logger }
  readonly db: Db
  readonly headAtStart: Position
  readonly current: CurrentDocument
  readonly refresh: Refresh
  readonly bodies: Bodies
  readonly render: Render
}

export interface BuiltOverlay {
  /** For clients: the observer is told where answers come from. */
  readonly current: CurrentDocument
  readonly asOf: DocumentAsOf
  readonly overlay: Overlay
  readonly dateOf: DateOf
  readonly admit: Admit
  readonly freezes: Freezes
  readonly blocks: Blocks
  readonly keptOut: DescribeKeptOut
}

/** The part of the composition root that is about what operators lay over what upstream says. */
export function buildOverlay(parts: OverlayParts): BuiltOverlay {
  const { db, log, projector, bodies, render } = parts
  const { digest } = parts.digestion
  const observe = observing(parts)
  const asOf = createDocumentAsOf({
    statesAround: async (document, position) => await readStatesAround(db, document, position),
    bodies,
    current: parts.current,
    askAgain: observe,
  })
  const answers = observedAnswers(parts, asOf)
  const newest = async (document: DocumentName) => newestIn(await readCurrentDocument(db, document))
  const newestObserved = async (document: DocumentName): ReturnType<typeof newest> => {
    await observe(document, { isForThePast: true })
    return await newest(document)
  }
  const overlay = createOverlay({
    laidOver: createLaidOver(parts),
    ...answers,
    positionAt: log.positionAt,
    render,
    servable: createServable({
      digestOf: async (sha256, packageName) => await readDigest(db, packageName, sha256),
      readOut: async (sha256, packageName) =>
        await digest('servability', await parts.snapshots.get(sha256), packageName),
      standsInForNone: createStandsInForNone({
        ...parts,
        allowed: parts.config.privateReplacedBy,
      }),
    }),
    newest,
    recordedAt: async (document, position) =>
      (await readStatesAround(db, document, position)).at?.sha256 ?? undefined,
    newestObserved,
    pinnedKnowledge: buildKnowledge(parts, newestObserved),
    lookAgain: createLookAgain({
      ...parts,
      ...parts.config,
      ...parts.outside,
      checkedAt: async (document) =>
        (await readCurrentDocument(db, document))?.checked_at ?? undefined,
    }),
    emptyDocument: async (packageName) =>
      await parts.snapshots.put(emptyDocument(packageName), undefined),
  })
  return {
    ...answers,
    overlay,
    dateOf: createDateOf(db),
    admit: buildAdmit(parts, asOf),
    freezes: buildFreezes(parts, asOf),
    blocks: createBlocks({
      rulesOf: async (packageName) => await readRules(db, packageName),
      allRules: async () => await readAllRules(db),
      log,
      until: waitingFor(projector, 'version_rule'),
    }),
    keptOut: buildKeptOut(parts),
  }
}

/**
 * Only what the answers depend on: they are kept by it.
 *
 * @throws AppError `still_catching_up`: half of the rules would let the others pass.
 */
function createLaidOver(parts: OverlayParts): (packageName: PackageName) => Promise<LaidOver> {
  const caughtUp = whenCaughtUp(parts)
  return async (packageName) => {
    caughtUp(versionRule)
    caughtUp(freezeProjection)
    const { rules, ...over } = await readLaidOver(parts.db, packageName)
    return { ...over, rules: rules.map(toLayOver) }
  }
}

function buildAdmit(parts: OverlayParts, asOf: DocumentAsOf): Admit {
  const { db } = parts
  const { digest } = parts.digestion
  const heldArchives = createHeldArchives({
    asOf,
    positionAt: parts.log.positionAt,
    archivesIn: async (body, name) => await digest('archives', await parts.bodies.read(body), name),
  })
  const laidOver = createLaidOver(parts)
  return createAdmit({
    async laidOver(packageName) {
      const { rules, freezes } = await laidOver(packageName)
      const held = freezeNow(freezes)
      return {
        rules,
        heldArchives: held && (async () => await heldArchives(packageName, held)),
      }
    },
    versionsOf: async (request) => await readVersionsOf(db, request),
    refreshPackage: refreshingReferences(parts),
  })
}

/** As whoever looks for archives wants it: what documents name of them is shown. */
export function refreshingReferences({
  current,
  log,
  projector,
}: Pick<OverlayParts, 'current' | 'log' | 'projector'>): RefreshPackage {
  const refreshPackage = createRefreshPackage(current)
  const shown = waitingFor(projector, 'package_reference')
  return async (packageName, asking) => {
    await refreshPackage(packageName, asking)
    await shown(await log.head())
  }
}

function observedAnswers(
  { observer, current }: OverlayParts,
  asOf: DocumentAsOf,
): Pick<BuiltOverlay, 'current' | 'asOf'> {
  return {
    current: async (document, asking) =>
      await observed(observer, asked(document), async (note) => {
        return await current(document, { ...asking, note })
      }),
    asOf: async (document, basis, asking) =>
      await observed(observer, asked(document), async (note) => {
        return await asOf(document, basis, { ...asking, note })
      }),
  }
}

function asked(document: DocumentName): Asked {
  return { kind: 'metadata', packageName: packageOfDocument(document)?.packageName }
}

function newestIn(row: CurrentRow | undefined): NewestBody | undefined {
  const { sha256 = null, served_last_modified: lastModified = null } = row ?? {}
  return sha256 === null || lastModified === null ? undefined : { sha256, lastModified }
}

/** As for any document of which there is a copy: what is held is served anyway. */
const observedWithinMs = 2_000

/** What is answered as of the past is observed all the same, for what becomes known of it; doesn't reject. */
function observing({
  current,
  outside,
}: OverlayParts): (document: DocumentName, asking: Asking) => Promise<void> {
  async function observe(document: DocumentName, asking: Asking): Promise<void> {
    try {
      await current(document, asking)
    } catch (error) {
      if (error instanceof AppError) return // It is recorded.
      outside.logger.error({ err: error, document }, `${document} could not be observed`)
    }
  }
  return async (document, asking) => {
    await Promise.race([
      observe(document, asking),
      delay(observedWithinMs, undefined, { ref: false }),
    ])
  }
}

function buildFreezes(parts: OverlayParts, asOf: DocumentAsOf): Freezes {
  const { db, log, snapshots, projector, current, bodies, outside, isReserved } = parts
  const { digest } = parts.digestion
  const find = bodyAsOf(asOf)
  return createFreezes({
    refreshPackage: createRefreshPackage(current),
    isReserved,
    async versionsAsOf(document, basis) {
      const body = await find(document, basis)
      return body && (await digest('versions', await bodies.read(body), document))
    },
    async versionsNow(document) {
      const state = await readCurrentDocument(db, document)
      if (state === undefined || state.sha256 === null || state.gone) return new Map()
      return await digest('versions', await snapshots.get(state.sha256), document)
    },
    frozen: async () => await readFrozen(db),
    log,
    until: waitingFor(projector, 'freeze'),
    now: outside.now,
  })
}
