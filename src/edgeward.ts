#!/usr/bin/env node
import { enableCompileCache, getCompileCacheDir } from 'node:module';

// Compiled code is kept between starts, for this thread and, by the environment, for all others: a server that
// restarts should answer again at once. It must be on before the first module of ours is loaded.
enableCompileCache();
process.env['NODE_COMPILE_CACHE'] ??= getCompileCacheDir();
await import('./main.ts');
