#!/usr/bin/env node
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from './config/directories.ts';

// Compiled code is kept between starts, for this thread and, by the environment, for all others: a server that
// restarts should answer again at once. It must be on before the first module of any size is loaded. By default Node
// keeps it in a directory that any user can make; code must come from a place that is ours alone.
const directory = process.env['NODE_COMPILE_CACHE'] ?? join(cacheDirectory(process.env), 'code');
enableCompileCache(directory);
if (getCompileCacheDir() !== undefined) process.env['NODE_COMPILE_CACHE'] = directory;
await import('./main.ts');
