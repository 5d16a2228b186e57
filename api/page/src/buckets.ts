/** The buckets of the maturity gap in words (LIQ-08). Which day is in which bucket is the server's business. */

import { T } from "./words";

/** In the order of time. */
export const buckets = (): readonly string[] => Object.keys(T.buckets);

export const label = (bucket: string): string => (T.buckets as Readonly<Record<string, string>>)[bucket] ?? bucket;

/** On an axis the unit goes to a second line, so that all twelve fit beside each other. */
export const tick = (bucket: string): string => label(bucket).replace(T.bucketUnit, (_, unit: string) => `\n${T.bucketUnits[unit] ?? unit}`);
