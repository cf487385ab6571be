/** Whether an archive of this type can begin with these bytes, which a login page can't. */
export function beginsLike(distType: string, bytes: Buffer): boolean {
  return distType !== 'zip' || bytes.subarray(0, 2).toString('latin1') === 'PK'
}
