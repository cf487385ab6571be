import type pg from 'pg'

/** Some of a pool's connections, for those who use one for a short time only. */
export interface HandedOn {
  readonly take: () => Promise<pg.PoolClient>
  /** What was done went well, and nothing is under way. */
  readonly giveBack: (client: pg.PoolClient) => void
  /** It isn't used again. */
  readonly end: (client: pg.PoolClient) => void
}

/**
 * Takes so many at most, and hands each on to who waits for one: through the pool, that cost a tenth of
 * reading 20 KB. Who waits for the pool itself has the others.
 */
export function handingOn(pool: pg.Pool, max: number): HandedOn {
  /** Each is called with a connection, or with nothing: then it may take one from the pool. */
  const waiting: ((client: pg.PoolClient | undefined) => void)[] = []
  let places = max

  function leave(client: pg.PoolClient | undefined): void {
    const next = waiting.shift()
    if (next !== undefined) return next(client)
    places += 1
    client?.release()
  }
  return {
    async take() {
      if (places > 0) places -= 1
      else {
        const client = await new Promise<pg.PoolClient | undefined>((resolve) => {
          waiting.push(resolve)
        })
        if (client !== undefined) return client
      }
      try {
        return await pool.connect()
      } catch (error) {
        leave(undefined)
        throw error
      }
    },
    giveBack: leave,
    end(client) {
      client.release(true)
      leave(undefined)
    },
  }
}
