import { readFollowedList, readNotNamed } from '../projections/name-list-queries.ts'
import type { Config } from './config.ts'
import { loadNameList, noteLacking, readNewestList } from './database/name-lists.ts'
import type { Db } from './database/schema.ts'
import { feedStream } from './events/types.ts'
import { createNameLists, type NameLists } from './metadata/name-lists.ts'
import type { Instant } from './time-machine/instant.ts'

interface NameListsParts {
  readonly config: Config
  readonly outside: { readonly now: () => Instant }
  readonly db: Db
}

/** The part of the composition root that is about upstream's list of all its names. */
export function buildNameLists({ config, outside, db }: NameListsParts): NameLists {
  const stream = feedStream(config.packagistUrl)
  return createNameLists({
    followedList: async (packageName) => await readFollowedList(db, stream, packageName),
    newestList: async () => await readNewestList(db, stream, true),
    load: async (list) => await loadNameList(db, list),
    notNamed: async (list, names) => await readNotNamed(db, list, names),
    noteLacking: async (list, packageName) => await noteLacking(db, list, packageName),
    now: outside.now,
    feedIntervalSeconds: config.proxyEnabled ? config.feedIntervalSeconds : 0,
  })
}
