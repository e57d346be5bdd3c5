import { z } from 'zod';
import { sourceText } from '../../../config/show.ts';
import { MAX_PIECE_BYTES } from '../limits.ts';
import { method } from '../method.ts';
import * as shapes from '../shapes.ts';

const entry = z.object({
  key: z.string(),
  value: z.json().describe('as it would stand in the file; null if there is none'),
  source: z.string().describe('default, generated, or file and line'),
  reload: z.enum(['live', 'restart']),
});

const problem = z.object({
  file: z.string(),
  line: shapes.count,
  column: shapes.count,
  key: z.string(),
  code: z.string(),
  message: z.string(),
  expected: z.string(),
});

export const configMethods = {
  'config.get': method({
    doc: 'Values in effect with their sources; secrets are redacted.',
    params: z.strictObject({
      key: z.string().min(1).max(200).optional().describe('this key or section only'),
    }),
    result: z.object({ file: z.string(), entries: z.array(entry) }),
    errors: [],
    changes: false,
    example: {
      params: { key: 'rpc' },
      result: {
        file: '/etc/btcfed/conf.yaml',
        entries: [{ key: 'rpc.mode', value: '0600', source: 'default', reload: 'restart' }],
      },
    },
    run: ({ config }, { key }) => ({
      file: config.file,
      entries: config
        .shown()
        .filter((e) => key === undefined || e.key === key || e.key.startsWith(`${key}.`))
        .map((e) => ({
          ...e,
          value: e.value as z.input<typeof entry>['value'],
          source: sourceText(e.source),
        })),
    }),
  }),
  'config.check': method({
    doc: 'Checks the configuration file as it is on disk, or the text given; changes nothing.',
    params: z.strictObject({ text: z.string().max(MAX_PIECE_BYTES).optional().describe('YAML') }),
    result: z.object({
      valid: z.boolean(),
      file: z.string(),
      problems: z.array(problem),
      warnings: z.array(problem),
    }),
    errors: [],
    changes: false,
    example: {
      params: {},
      result: {
        valid: false,
        file: 'conf.yaml',
        warnings: [],
        problems: [
          {
            file: 'conf.yaml',
            line: 7,
            column: 10,
            key: 'logging.level',
            code: 'BAD_VALUE',
            message: 'is the text "loud"',
            expected: 'debug, info, warn or error',
          },
        ],
      },
    },
    run: async ({ config }, { text }) => {
      const { file, problems, warnings } = await config.check(text);
      const plain = (list: typeof problems) => list.map((p) => ({ ...p }));
      return { valid: problems.length === 0, file, problems: plain(problems), warnings: plain(warnings) };
    },
  }),
};
