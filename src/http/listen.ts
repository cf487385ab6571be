import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { StartupError } from '../errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** @throws StartupError when the address can't be had. */
export async function listen(server: Server, { host, port }: Address): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartupError(
      `Nothing can be served on ${host}:${port} (${reason}). ` +
        'Set HOST and PORT to an address of this machine that is free.',
      { cause: error },
    )
  })
}

/**
 * Listens for a moment.
 *
 * @throws StartupError when the address can't be had.
 */
export async function tryAddress(address: Address): Promise<void> {
  const server = createServer()
  await listen(server, address)
  server.close()
  await once(server, 'close')
}
