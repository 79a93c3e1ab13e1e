// Stands in for kubectl where no cluster is: takes the words of docs/operations/kubernetes.md, checks what they apply against the schemas and
// that what they name is there, and says "ok". Refuses to: know a word that the page has no use for; exit code 1 with what is wrong.
import {execFileSync} from "node:child_process";
import {existsSync, readFileSync, writeFileSync} from "node:fs";
import yaml from "yaml";

const here = new URL(".", import.meta.url).pathname;
const words = process.argv.slice(2);
const fail = what => { console.error(`kubectl stand-in: ${what}`); process.exit(1); };
const read = path => existsSync(path) ? yaml.parse(readFileSync(path, "utf8"), {version: "1.1"}) : fail(`there is no ${path}`);
if (words[0] === "-n" && words.splice(0, 2)[1] !== "stint") fail("another namespace than stint");

const names = new Set(); // kind/name, of every kustomization
for (const part of ["base", "monitoring", "keda"])
  for (const file of read(`kubernetes/${part}/kustomization.yaml`).resources) {
    const {kind, metadata} = read(`kubernetes/${part}/${file}`);
    names.add(`${kind.toLowerCase()}/${metadata.name}`);
  }
const named = name => { if (!names.has(name)) fail(`no manifest of ${name}`); };
const validate = files => {
  try {
    execFileSync(process.execPath, [`${here}manifests.mjs`, ...files], {encoding: "utf8"});
  } catch (error) {
    fail(error.stdout);
  }
};

const [verb, ...rest] = words;
const first = rest[0];
const options = rest.filter(word => word.startsWith("-"));
const allowed = (...known) => { for (const word of options) if (!known.includes(word.split("=")[0])) fail(`unknown option ${word} of ${verb}`); };
switch (verb) {
case "apply":
  allowed("-k", "-f", "-");
  if (first === "-k") validate(read(`${rest[1]}/kustomization.yaml`).resources.map(file => `${rest[1]}/${file}`));
  else if (first === "-f" && rest[1] === "-") {
    writeFileSync(`${here}standard-input.yaml`, readFileSync(0));
    validate([`${here}standard-input.yaml`]);
  } else if (first === "-f") validate([rest[1]]);
  else fail(`apply ${first}`);
  break;
case "create": {
  allowed("--from-literal");
  const secret = read("kubernetes/base/secret.example.yaml");
  if (rest.slice(0, 2).join(" ") !== "secret generic" || rest[2] !== secret.metadata.name) fail(`create ${rest.slice(0, 3).join(" ")}`);
  const keys = options.map(option => option.split("=")[1]);
  if (keys.sort().join() !== Object.keys(secret.stringData).sort().join()) fail(`the secret's keys are ${keys.join(", ")}`);
  break;
}
case "rollout":
  allowed("--timeout");
  if (!["status", "restart"].includes(first)) fail(`rollout ${first}`);
  named(rest[1]);
  break;
case "exec": {
  named(first);
  const [program, command] = rest.slice(rest.indexOf("--") + 1);
  if (program !== "stint") fail(`exec ${program}`);
  execFileSync(`${process.env.STINT_BUILD}/bin/stint`, [command, "--help"]);
  break;
}
case "delete":
  allowed("--ignore-not-found");
  named(`${first}/${rest[1]}`);
  break;
case "wait":
  allowed("--for", "--timeout");
  named(rest.find(word => !word.startsWith("-")));
  break;
case "get":
  named(`${first}/${rest[1]}`);
  break;
default:
  fail(`${verb}?`);
}
console.log("ok");
