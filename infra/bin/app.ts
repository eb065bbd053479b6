#!/usr/bin/env node
import { App } from 'aws-cdk-lib';
import { ForwarderOptionsError } from '../construct/src/problems';
import { stackFromContext } from '../stack/context';

try {
  stackFromContext(new App());
} catch (error) {
  if (!(error instanceof ForwarderOptionsError)) {
    throw error;
  }
  // Where it was thrown says nothing to who wrote the options.
  console.error(error.message);
  process.exitCode = 1;
}
