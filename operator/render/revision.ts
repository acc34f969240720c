/**
 * Pod templates of existing clusters change only with their render revision (docs/decisions/0006): a new operator renders
 * the revision that it finds until spec.image changes or spec.upgrade is Auto.
 *
 * 1: release 0.1.0.
 * 2: Pods spread over zones as well as over nodes; the startup probe begins 2 s after the start; a request or limit in
 *    podTemplate no longer removes the other defaults.
 * 3: ws-proxy and processor mount the token of the admin port; they read limits, rates and rules from a ConfigMap while they run, and
 *    the grace period of the ws-proxy is in steps, so that most changes of these replace no Pod; Pods of a proxy set spread among themselves;
 *    the embedded Redis takes a changed password without a restart, and accepts the former one for ten minutes;
 *    programs know their cluster, and refuse keys in Redis that belong to another one;
 *    processors and the embedded Redis of a deleted cluster serve on while its proxies drain, for a minute at most;
 *    processors know their release, and hand over what they fail to another one.
 */
export const RENDER_REVISION = 3;

/** The oldest revision that is still rendered; clusters with an older one move to it. */
export const OLDEST_RENDER_REVISION = 1;

/** On each workload: the revision of a cluster whose status was lost (by a restored backup or an edit). */
export const REVISION_ANNOTATION = 'ocpp.dev/render-revision';

/** On each proxy set: the hash of its Pod template (docs/decisions/0016). */
export const TEMPLATE_ANNOTATION = 'ocpp.dev/template-hash';

/** On a proxy set that lost its Pods: when that was. */
export const SERVED_UNTIL_ANNOTATION = 'ocpp.dev/served-until';

/** On the Pods of a proxy set: the name of its Deployment. */
export const SET_LABEL = 'ocpp.dev/proxy-set';
