import { expect, test } from 'vitest';
import { duration } from './table.js';

test.each([
  [0, 'a minute at most'],
  [0.158, '10 minutes'],
  [1.9, '114 minutes'],
  [2, '2 h 0 min'],
  [27.5, '27 h 30 min'],
  [71.6, '3 days 0 h'],
])('%d hours are told as %s', (hours, words) => {
  expect(duration(hours)).toBe(words);
});
