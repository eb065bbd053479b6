/**
 * The telemetry forwarder for CDK apps.
 *
 * - `TelemetryForwarder`: the construct; `attach` puts it on a function, `AttachTelemetryForwarder` on all of them.
 * - `ForwarderSink`: where events go; `ForwarderOptions`: everything else that a function may be told.
 * - `ForwarderLayers`, `Artifacts`: where the layers come from.
 *
 * Options that cannot be deployed throw an error whose `name` is `ForwarderOptionsError`.
 */
export * from './artifacts';
export * from './aspect';
export * from './forwarder';
export * from './layers';
export * from './options';
export * from './sink';
export * from './values';
