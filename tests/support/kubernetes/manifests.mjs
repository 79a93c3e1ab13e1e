// Why: a manifest with a misspelt key is taken by the cluster and does something else. Every value is checked by the kinds' schemas, and every
// key by their types: the compiler refuses one that a kind does not have. Prints a line for each fault; exit code 1 if there is one.
// Refuses to: pass over a kind it has no schema of, or a folder without manifests.
// usage: node manifests.mjs FILE…   beside node_modules of package.json
import {readFileSync, writeFileSync, mkdtempSync, rmSync} from "node:fs";
import {createRequire} from "node:module";
import yaml from "yaml";

const PACKAGES = {
  "v1": "kubernetes-models/v1",
  "apps/v1": "kubernetes-models/apps/v1",
  "batch/v1": "kubernetes-models/batch/v1",
  "policy/v1": "kubernetes-models/policy/v1",
  "networking.k8s.io/v1": "kubernetes-models/networking.k8s.io/v1",
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
};
const require = createRequire(import.meta.url);
const faults = [];
const lines = [];
let count = 0;

function check(file, manifest) {
  const path = PACKAGES[manifest.apiVersion];
  const model = path && require(path)[manifest.kind];
  if (!model) return faults.push(`${file}: no schema of ${manifest.apiVersion} ${manifest.kind}`);
  try {
    new model(structuredClone(manifest)).validate();
  } catch (error) {
    faults.push(`${file}: ${error.message}`);
  }
  count++;
  lines.push({file, text: `export const m${count}: import("${path}").I${manifest.kind} = ${JSON.stringify(manifest)};`});
}

// Each manifest is a line of a program; whoever has a key too many is told by its line.
function check_keys() {
  const ts = require("typescript");
  const dir = mkdtempSync(new URL("keys-", import.meta.url).pathname);
  const source = `${dir}/manifests.ts`;
  writeFileSync(source, lines.map(line => line.text).join("\n"));
  const program = ts.createProgram([source], {noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext});
  for (const found of ts.getPreEmitDiagnostics(program)) {
    const line = found.file ? ts.getLineAndCharacterOfPosition(found.file, found.start).line : -1;
    faults.push(`${lines[line]?.file ?? "types"}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
  }
  rmSync(dir, {recursive: true});
}

for (const file of process.argv.slice(2)) {
  for (const document of yaml.parseAllDocuments(readFileSync(file, "utf8"), {version: "1.1", uniqueKeys: true})) {
    for (const error of document.errors) faults.push(`${file}: ${error.message}`);
    if (document.errors.length === 0 && document.contents) check(file, document.toJS());
  }
}
check_keys();
for (const fault of faults) console.log(fault);
console.log(`looked ${count}`);
process.exit(faults.length === 0 && count > 0 ? 0 : 1);
