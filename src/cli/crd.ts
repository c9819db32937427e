import { Command } from 'commander';
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../model/crd.ts';

/** `edgeward crd` */
export function crdCommand(): Command {
  return new Command('crd')
    .description('print the CustomResourceDefinitions of a hub')
    .addHelpText('after', '\nExample:\n  edgeward crd | kubectl apply --server-side -f -')
    .action(() => {
      const documents = customResourceDefinitions().map((crd) => stringify(crd, { lineWidth: 0 }));
      process.stdout.write(documents.join('---\n'));
    });
}
