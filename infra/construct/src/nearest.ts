/** The candidate nearest to `name`, if it is near enough to be meant: a third of its letters may differ. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, distance: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.min(Math.ceil(candidate.length / 3), 3))
    .sort((one, other) => one.distance - other.distance);
  return near[0]?.candidate;
}

/** `; did you mean …?`, or nothing. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  return near === undefined ? '' : `; did you mean \`${near}\`?`;
}

/** Number of letters that must be added, left out, changed or swapped with their neighbour. */
function distance(one: string, other: string): number {
  const rows: number[][] = [];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 0; row <= one.length; row += 1) {
    const current: number[] = [];
    rows.push(current);
    for (let column = 0; column <= other.length; column += 1) {
      if (row === 0 || column === 0) {
        current.push(row + column);
        continue;
      }
      const changed = one[row - 1] === other[column - 1] ? 0 : 1;
      let least = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + changed);
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        least = Math.min(least, at(row - 2, column - 2) + 1);
      }
      current.push(least);
    }
  }
  return at(one.length, other.length);
}
