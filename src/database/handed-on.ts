import type pg from 'pg'

/** Some of a pool's connections, for those who use one for a short time only. */
export interface HandedOn {
  readonly take: () => Promise<pg.PoolClient>
  /** What was done went well, and nothing is under way. */
  readonly giveBack: (client: pg.PoolClient) => void
  /** It isn't used again. */
  readonly end: (client: pg.PoolClient) => void
}

export interface HandedOnOptions {
  readonly max: number
  /** How long one may wait for a connection that others have. */
  readonly waitMs: number
}

/**
 * Takes so many at most, and hands each on to who waits for one: through the pool, that cost a tenth of
 * reading 20 KB. Who waits for the pool itself has the others.
 */
export function handingOn(pool: pg.Pool, { max, waitMs }: HandedOnOptions): HandedOn {
  /** Each is called with a connection, or with nothing: then it may take one from the pool. */
  const waiting: ((client: pg.PoolClient | undefined) => void)[] = []
  let places = max

  function leave(client: pg.PoolClient | undefined): void {
    const next = waiting.shift()
    if (next !== undefined) return next(client)
    places += 1
    client?.release()
  }
  async function inTurn(): Promise<pg.PoolClient | undefined> {
    return await new Promise((resolve, reject) => {
      function hear(client: pg.PoolClient | undefined): void {
        clearTimeout(timer)
        resolve(client)
      }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(hear), 1)
        // In the words of the pool, whose waits end in the same way.
        reject(new Error('timeout exceeded when trying to connect'))
      }, waitMs)
      waiting.push(hear)
    })
  }
  return {
    async take() {
      if (places > 0) places -= 1
      else {
        const client = await inTurn()
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
