import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { plainTemplate } from '../stack/template';

writeFileSync(path.join(__dirname, '..', 'template.yaml'), plainTemplate());
