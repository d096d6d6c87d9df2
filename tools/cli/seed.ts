/**
 * The seed when none is given: on a terminal another one each day, so that a person does not always get the
 * same story; elsewhere 0, so that a program does.
 */
export function defaultSeed(isForPerson: boolean, today: Date = new Date()): number {
  if (!isForPerson) return 0;
  return 10_000 * today.getFullYear() + 100 * (today.getMonth() + 1) + today.getDate();
}
