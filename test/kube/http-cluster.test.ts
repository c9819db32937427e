import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { kubeconfigFile } from '../../src/kube/credentials.ts';
import { HttpCluster } from '../../src/kube/http-cluster.ts';
import { ControlPlane } from '../cluster/control-plane.ts';
import { describeCluster } from '../cluster/suite.ts';
import { clusterConformance, WIDGET_CRD } from './conformance.ts';

describeCluster('a real cluster', (binaries) => {
  let directory: string;
  let plane: ControlPlane;
  let cluster: HttpCluster;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'edgeward-test-cluster-'));
    plane = await ControlPlane.start('conformance', directory, binaries);
    await plane.apply([WIDGET_CRD]);
    await plane.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    cluster = new HttpCluster(kubeconfigFile(plane.kubeconfig));
  }, 120_000);
  afterAll(async () => {
    await cluster?.close();
    await plane?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  clusterConformance(() => ({ cluster, compact: () => plane.compact() }));
});
