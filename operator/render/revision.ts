/**
 * Pod templates of clusters that exist change only with their render revision (docs/decisions/0006): a new
 * operator goes on rendering what it found until spec.image changes or spec.upgrade asks.
 *
 * 1: release 0.1.0.
 * 2: Pods spread over zones as well as over nodes, and are asked whether they live 2 s after they started;
 *    a request or limit of the user's leaves our others as they are.
 */
export const RENDER_REVISION = 2;

/** The oldest that is still rendered; clusters of older ones are moved to it. */
export const OLDEST_RENDER_REVISION = 1;

/** On each workload: what a cluster has whose status was lost (a restored backup, a careless hand). */
export const REVISION_ANNOTATION = 'ocpp.dev/render-revision';
