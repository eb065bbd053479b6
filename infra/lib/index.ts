/**
 * The telemetry forwarder for CDK apps.
 *
 * - `TelemetryForwarder`: the construct; `attach` puts it on a function, `AttachTelemetryForwarder` on all of them.
 * - `ForwarderSink`: where events go; `ForwarderOptions`: everything else that a function may be told.
 * - `ForwarderLayers`, `Artifacts`: where the layers come from.
 * - `TelemetryForwarderStack`: a stream, the layers, a test function, alarms and a dashboard.
 */
export * from './forwarder/aspect';
export * from './forwarder/forwarder';
export * from './forwarder/layers';
export * from './forwarder/options';
export * from './forwarder/problems';
export * from './forwarder/sink';
export * from './stack/stack';
