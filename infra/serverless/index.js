'use strict';

/**
 * A plugin for the Serverless Framework 3 and osls: puts the telemetry forwarder on the functions of a service. README.md
 * describes its options. Names, values and permissions come from what the forwarder itself prints (`schema/`); an option that is
 * not given stays out of the function's variables, so that the forwarder's own default holds.
 */

const fs = require('node:fs');
const path = require('node:path');
const Ajv = require('ajv/dist/2020').default;
const { checkRoutes, routesAsText } = require('./routes');
const ofDocument = require('./schema/document-permissions.json');
const permissions = require('./schema/permissions.json');
const schema = require('./schema/telemetry-forwarder.schema.json');

const NAME = 'telemetryForwarder';
const ARCHITECTURES = ['x86_64', 'arm64'];
// Lambda takes no more layers on a function.
const MOST_LAYERS = 5;
// What a value that CloudFormation fills in is checked as.
const PLACEHOLDER = 'filled-in-by-CloudFormation';

// Options of a function, beside those of the forwarder: the document that steers it while it runs.
const DOCUMENT = {
  configParameter: { type: 'string', pattern: '^/[A-Za-z0-9_./-]+$' },
  configKeyArn: { type: 'string', pattern: '^arn:' },
};

// Options of the plugin, beside those of the forwarder.
const OWN = {
  exclude: { type: 'array', items: { type: 'string' } },
  layers: {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      ARCHITECTURES.map((name) => [name, { anyOf: [{ type: 'string' }, { type: 'object' }] }]),
    ),
  },
};

class TelemetryForwarder {
  constructor(serverless, _options, { log } = {}) {
    this.serverless = serverless;
    this.service = serverless.service;
    this.log = log ?? { warning: (text) => serverless.cli.log(text) };
    const option = { anyOf: [{ type: 'object' }, { type: 'boolean' }] };
    // Only that they exist: what is in them is checked by the forwarder's own schema, in each mode of validation.
    serverless.configSchemaHandler?.defineCustomProperties({
      type: 'object',
      properties: { [NAME]: { type: 'object' } },
    });
    serverless.configSchemaHandler?.defineFunctionProperties('aws', { type: 'object', properties: { [NAME]: option } });
    const attach = () => this.attachAll();
    this.hooks = {
      'before:package:initialize': attach,
      'before:deploy:function:initialize': attach,
      'after:package:compileLayers': () => this.nameLayers(),
    };
  }

  attachAll() {
    const { exclude = [], layers = {}, ...options } = this.service.custom?.[NAME] ?? {};
    this.problems = this.problemsOf({ exclude, layers }, { type: 'object', properties: OWN }, `custom.${NAME}`);
    const attached = this.service
      .getAllFunctions()
      .filter((name) => this.isWanted(name, exclude))
      .filter((name) => this.attach(name, merged(options, this.service.getFunction(name)[NAME]), layers));
    if (this.problems.length > 0) {
      const error = this.serverless.classes.Error;
      throw new error(`telemetry forwarder:\n- ${this.problems.join('\n- ')}`, 'TELEMETRY_FORWARDER_OPTIONS');
    }
    if (attached.length === 0) {
      this.warn('it is on no function of this service');
    }
    this.allow(attached);
  }

  isWanted(name, exclude) {
    const matches = (pattern) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`).test(name);
    return this.service.getFunction(name)[NAME] !== false && !exclude.some(matches);
  }

  /** Puts the forwarder on one function; false if the function was left out, which is said. */
  attach(name, options, layers) {
    const fn = this.service.getFunction(name);
    const { settings, grants } = this.read(name, options);
    if (fn.events?.some((event) => event.cloudFront !== undefined)) {
      return this.leaveOut(name, 'Lambda@Edge takes neither layers nor variables');
    }
    if (fn.events?.some((event) => grants.some(({ arn }) => same(event.stream?.arn ?? event.stream, arn)))) {
      return this.leaveOut(name, 'it reads the stream that it would write to, and would invoke itself for ever');
    }
    if (fn.image === undefined) {
      const before = fn.layers ?? this.service.provider.layers ?? [];
      if (before.length >= MOST_LAYERS) {
        return this.leaveOut(name, `it has ${before.length} layers, and Lambda takes no more than ${MOST_LAYERS}`);
      }
      fn.layers = [...before, this.layer(fn.architecture ?? this.service.provider.architecture ?? 'x86_64', layers)];
    } else {
      this.warn(
        `${name} is a container image, which takes no layer: copy /opt/extensions/ into it (docs/DEPLOY-CONTAINERS.md)`,
      );
    }
    const variables = toVariables(settings);
    for (const variable of Object.keys({ ...this.service.provider.environment, ...fn.environment })) {
      if (variable.startsWith('FORWARDER_')) {
        this.problems.push(
          `functions.${name}: ${variable} is a variable of its own: give it as an option of \`${NAME}\``,
        );
      }
    }
    fn.environment = { ...fn.environment, ...variables };
    Object.defineProperty(fn, 'telemetryGrants', { value: grants, configurable: true });
    return true;
  }

  leaveOut(name, reason) {
    this.warn(`${name} is left out: ${reason}`);
    return false;
  }

  /** The forwarder's settings, checked, and what its sinks must be allowed to do. */
  read(name, options) {
    const where = `functions.${name}`;
    const { configParameter, configKeyArn, ...given } = options;
    const settings = { ...given, sinks: {} };
    const grants = this.readDocument(where, { configParameter, configKeyArn });
    for (const [sink, given] of Object.entries(options.sinks ?? {})) {
      const { arn, keyArn, ...rest } = given ?? {};
      const type = rest.type ?? sink;
      // A sink without a setting must still be there: its name is that of a type.
      settings.sinks[sink] = Object.keys(rest).length === 0 ? { type } : rest;
      const granted = permissions[type];
      if (rest.assume_role !== undefined) {
        grants.push({ actions: ['sts:AssumeRole'], arn: rest.assume_role });
      } else if (granted?.stream.length > 0) {
        const target = arn ?? this.arnOf(type, rest);
        if (target === undefined) {
          this.problems.push(`${where}: sinks.${sink}: nothing says what it may write to: give \`arn\` as well`);
        }
        grants.push({ actions: granted.stream, arn: target });
        if (keyArn !== undefined && granted.key.length > 0) {
          grants.push({ actions: granted.key, arn: keyArn });
        }
      }
    }
    if (Object.keys(settings.sinks).length === 0) {
      this.problems.push(
        `${where}: there is no sink: give \`custom.${NAME}.sinks\`, such as { kinesis: { stream: telemetry } }`,
      );
    }
    this.problems.push(...this.problemsOf(settings, schema, where));
    if (configParameter !== undefined) {
      settings.config = `ssm:${configParameter}`;
    }
    if (settings.routes !== undefined) {
      const found = checkRoutes(settings.routes, Object.keys(settings.sinks));
      this.problems.push(...found.map((problem) => `${where}: routes: ${problem}`));
      settings.routes = routesAsText(settings.routes);
    }
    return { settings, grants };
  }

  /** Checks the names of the document and of its key, and says what reading it must be allowed. */
  readDocument(where, { configParameter: name, configKeyArn: key }) {
    const given = Object.fromEntries(
      Object.entries({ configParameter: name, configKeyArn: key }).filter(([, value]) => value !== undefined),
    );
    this.problems.push(...this.problemsOf(given, { type: 'object', properties: DOCUMENT }, where));
    if (name === undefined) {
      if (key !== undefined) {
        this.problems.push(`${where}: configKeyArn: there is nothing to decrypt: give \`configParameter\`, too`);
      }
      return [];
    }
    const parameter = {
      'Fn::Sub': `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter${name}`,
    };
    return [
      { actions: ofDocument.parameter, arn: parameter },
      ...(key === undefined ? [] : [{ actions: ofDocument.key, arn: key }]),
    ];
  }

  problemsOf(value, against, where) {
    const ajv = new Ajv({ allErrors: true, strict: false });
    const validate = ajv.compile(against);
    if (validate(withoutIntrinsics(value))) {
      return [];
    }
    return validate.errors.map(({ instancePath, message, params }) => {
      const what = params.additionalProperty ?? params.allowedValues?.join(', ');
      return `${where}: ${instancePath.slice(1).replaceAll('/', '.') || NAME}: ${message}${what ? `: ${what}` : ''}`;
    });
  }

  /** The ARN of what a sink writes to: as given, of a resource of this service, or made of a name. */
  arnOf(type, { stream, region }) {
    if (typeof stream === 'string') {
      if (stream.startsWith('arn:')) {
        return stream;
      }
      const kind = type === 'kinesis' ? 'stream' : 'deliverystream';
      return {
        'Fn::Sub': `arn:\${AWS::Partition}:${type}:${region ?? '${AWS::Region}'}:\${AWS::AccountId}:${kind}/${stream}`,
      };
    }
    const resource = stream?.Ref ?? stream?.['Fn::GetAtt']?.[0];
    const kind = this.service.resources?.Resources?.[resource]?.Type;
    return ['AWS::Kinesis::Stream', 'AWS::KinesisFirehose::DeliveryStream'].includes(kind)
      ? { 'Fn::GetAtt': [resource, 'Arn'] }
      : undefined;
  }

  /** The layer of an architecture: published before, or made by this service of the package's own zip. */
  layer(architecture, published) {
    if (published[architecture] !== undefined) {
      return published[architecture];
    }
    const name = `telemetryForwarder${architecture === 'arm64' ? 'Arm64' : 'X8664'}`;
    const artifact = path.join(__dirname, 'layers', `telemetry-forwarder-${architecture}.zip`);
    if (!fs.existsSync(artifact)) {
      this.problems.push(`there is no ${artifact}: give \`layers.${architecture}\`, the ARN of a layer`);
    }
    this.service.layers ??= {};
    this.service.layers[name] ??= {
      name: `\${self:service}-telemetry-forwarder-${architecture}`.replace('${self:service}', this.service.service),
      description: 'Sends logs, metrics and platform events to streams',
      compatibleArchitectures: [architecture],
      licenseInfo: 'MIT OR Apache-2.0',
      // Versions of functions still name the layer that a new one takes the place of.
      retain: true,
      package: { artifact },
    };
    return { Ref: this.serverless.getProvider('aws').naming.getLambdaLayerLogicalId(name) };
  }

  /** A retained layer gets the hash of its zip at the end of its logical id, once that is known: functions must name that one. */
  nameLayers() {
    const made = Object.keys(this.service.provider.compiledCloudFormationTemplate.Resources);
    for (const name of this.service.getAllFunctions()) {
      const fn = this.service.getFunction(name);
      fn.layers = fn.layers?.map((layer) => {
        const isOurs = /^TelemetryForwarder(X8664|Arm64)LambdaLayer$/.test(layer.Ref ?? '');
        return isOurs ? { Ref: made.find((id) => id.startsWith(layer.Ref)) } : layer;
      });
    }
  }

  /** Adds what the sinks need to the role that all functions of a service share; of other roles it says what they need. */
  allow(names) {
    const statements = new Map();
    const { provider } = this.service;
    const shared = provider.iam?.role ?? provider.role;
    const isOurs =
      shared === undefined ||
      (typeof shared === 'object' && Object.keys(shared).every((key) => !/^(Ref|Fn::)/.test(key)));
    for (const name of names) {
      const fn = this.service.getFunction(name);
      for (const { actions, arn } of fn.telemetryGrants) {
        const statement = { Effect: 'Allow', Action: actions, Resource: arn };
        if (fn.role !== undefined || !isOurs) {
          this.warn(`${name} has a role of its own, which must allow ${JSON.stringify(statement)}`);
        } else {
          statements.set(JSON.stringify(statement), statement);
        }
      }
    }
    if (statements.size > 0) {
      provider.iam ??= {};
      provider.iam.role ??= {};
      provider.iam.role.statements = [
        ...(provider.iam.role.statements ?? provider.iamRoleStatements ?? []),
        ...statements.values(),
      ];
    }
  }

  warn(text) {
    this.log.warning(`telemetry forwarder: ${text}`);
  }
}

/** Options of a function over those of the service; what is an object on both sides is joined. */
function merged(below, above) {
  if (!isPlain(below) || !isPlain(above)) {
    return above === undefined || above === true ? below : above;
  }
  const keys = [...new Set([...Object.keys(below), ...Object.keys(above)])];
  return Object.fromEntries(keys.map((key) => [key, merged(below[key], above[key])]));
}

/** The settings as environment variables: `FORWARDER_SINKS__KINESIS__STREAM`. */
function toVariables(value, levels = []) {
  if (isPlain(value)) {
    return Object.assign({}, ...Object.entries(value).map(([key, below]) => toVariables(below, [...levels, key])));
  }
  const text = Array.isArray(value) ? value.join(',') : isIntrinsic(value) ? value : String(value);
  return { [`FORWARDER_${levels.join('__').toUpperCase()}`]: text };
}

function withoutIntrinsics(value) {
  if (isIntrinsic(value)) {
    return PLACEHOLDER;
  }
  if (isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, withoutIntrinsics(below)]));
  }
  return value;
}

/** Whether CloudFormation fills it in. */
function isIntrinsic(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 1 &&
    /^(Ref|Fn::)/.test(Object.keys(value)[0])
  );
}

function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isIntrinsic(value);
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

module.exports = TelemetryForwarder;
