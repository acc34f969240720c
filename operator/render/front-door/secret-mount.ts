/** Secrets as folders of a Pod. The kubelet updates their files while the Pod runs. */
import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node';

export interface SecretMount {
  /** Name of the volume. */
  readonly volume: string;
  readonly secretName: string;
  readonly mountPath: string;
}

export interface Mounted {
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
}

/** Readable by the group of the Pod only. */
export const mountSecrets = (mounts: readonly SecretMount[]): Mounted => ({
  volumes: mounts.map(({ volume, secretName }) => ({
    name: volume,
    secret: { secretName, defaultMode: 0o440 },
  })),
  volumeMounts: mounts.map(({ volume, mountPath }) => ({ name: volume, mountPath, readOnly: true })),
});
