// Why: each file of kubernetes/ can be right and the whole still wrong: a probe of a port nobody has, a volume nobody mounts, a grace shorter
// than the drain, a number of no supervisor's. Prints a line for each fault; exit code 1 if there is one.
// usage: node relations.mjs FOLDER METRICS.md   FOLDER: kubernetes; beside node_modules of package.json
import {readFileSync, readdirSync} from "node:fs";
import yaml from "yaml";

const [folder, metrics] = process.argv.slice(2);
const faults = [];
const expect = (what, holds) => { if (!holds) faults.push(what); };
const read = path => yaml.parse(readFileSync(path, "utf8"), {version: "1.1"});
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const inside = (labels, wanted) => Object.entries(wanted).every(([key, value]) => labels[key] === value);
const seconds = text => parseInt(text) * ({s: 1, m: 60, h: 3600}[text.slice(-1)]);
const all = [];

for (const part of ["base", "monitoring", "keda"]) {
  const listed = read(`${folder}/${part}/kustomization.yaml`).resources;
  for (const file of listed) all.push({file: `${part}/${file}`, ...read(`${folder}/${part}/${file}`)});
  for (const file of readdirSync(`${folder}/${part}`))
    expect(`${part}/${file} is in no kustomization`, listed.includes(file) || ["kustomization.yaml", "secret.example.yaml"].includes(file));
}
const one = kind => {
  const found = all.filter(manifest => manifest.kind === kind);
  if (found.length !== 1) { console.log(`${found.length} of ${kind} in the kustomizations`); process.exit(1); }
  return found[0];
};
const [deployment, job, config, service, scaled] = ["Deployment", "Job", "ConfigMap", "Service", "ScaledObject"].map(one);
const secret = read(`${folder}/base/secret.example.yaml`);
const labels = deployment.spec.template.metadata.labels;

for (const manifest of all.filter(it => it.kind !== "Namespace")) expect(`${manifest.file}: not in namespace stint`, manifest.metadata.namespace === "stint");
expect("the Deployment does not select its own pods", inside(labels, deployment.spec.selector.matchLabels));
for (const [kind, wanted] of [["Service", service.spec.selector], ["PodDisruptionBudget", one("PodDisruptionBudget").spec.selector.matchLabels],
  ["NetworkPolicy", one("NetworkPolicy").spec.podSelector.matchLabels]]) expect(`${kind} selects no pod of the Deployment`, inside(labels, wanted));
expect("the NetworkPolicy does not hold for the migration", inside(job.spec.template.metadata.labels, one("NetworkPolicy").spec.podSelector.matchLabels));
expect("a Service, a budget or the Deployment selects the migration's pod", !inside(job.spec.template.metadata.labels, service.spec.selector));
expect("the ServiceMonitor selects no Service", inside(service.metadata.labels, one("ServiceMonitor").spec.selector.matchLabels));
expect("KEDA scales another Deployment", scaled.spec.scaleTargetRef.name === deployment.metadata.name);

const conf = config.data["stint.conf"];
const drain = /^drain_timeout = (\S+)/m.exec(conf)?.[1];
expect("terminationGracePeriodSeconds is not above drain_timeout", drain && deployment.spec.template.spec.terminationGracePeriodSeconds > seconds(drain));
for (const name of conf.match(/(?<=\/etc\/stint\/secrets\/)\S+/g)) expect(`the secret has no ${name}`, name in secret.stringData);
expect("the service account's token is given", one("ServiceAccount").automountServiceAccountToken === false);

for (const {file, spec: {template: {spec: pod}}} of [deployment, job]) {
  // the profile "restricted" of the Pod Security Standards, and what stint promises beyond it
  expect(`${file}: may be root`, pod.securityContext.runAsNonRoot === true && pod.securityContext.runAsUser === 990);
  expect(`${file}: no seccomp profile`, pod.securityContext.seccompProfile.type === "RuntimeDefault");
  expect(`${file}: services reach the environment`, pod.enableServiceLinks === false);
  expect(`${file}: a token is mounted`, pod.automountServiceAccountToken === false);
  const volumes = new Map(pod.volumes.map(volume => [volume.name, volume]));
  for (const container of pod.containers) {
    const context = container.securityContext;
    expect(`${file}: rights can be gained`, context.allowPrivilegeEscalation === false && same(context.capabilities.drop, ["ALL"]));
    expect(`${file}: the image can be written to`, context.readOnlyRootFilesystem === true);
    expect(`${file}: no limits`, container.resources.limits.memory && container.resources.limits.cpu);
    const ports = (container.ports ?? []).map(port => port.name);
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
      if (container[probe]) expect(`${file}: ${probe} asks a port that is not there`, ports.includes(container[probe].httpGet.port));
    for (const mount of container.volumeMounts) expect(`${file}: no volume ${mount.name}`, volumes.has(mount.name));
    for (const name of volumes.keys()) expect(`${file}: ${name} is mounted nowhere`, container.volumeMounts.some(mount => mount.name === name));
  }
  expect(`${file}: no such ConfigMap`, volumes.get("config").configMap.name === config.metadata.name);
  expect(`${file}: no such Secret`, volumes.get("secrets").secret.secretName === secret.metadata.name);
}
const known = new Set(readFileSync(metrics, "utf8").match(/`stint_[a-z0-9_]+/g).map(name => name.slice(1)));
const pools = [...conf.matchAll(/^\[pool\.(\S+)\]/gm)].map(found => found[1]);
// the value of a key of a pool in stint.conf
const value = (pool, key) => new RegExp(`^\\[pool\\.${pool}\\](?:\\n(?!\\[).*)*?\\n${key} = (\\S+)`, "m").exec(conf)?.[1];
const threshold = name => scaled.spec.triggers.find(trigger => trigger.name === name)?.metadata.threshold;
expect("the aim of KEDA is not the pool's target_wait", threshold("predicted-wait") === `${seconds(value("pdf", "target_wait") ?? "0s")}`);
expect("KEDA divides by another number than the workers of a pod", threshold("workers-desired") === value("pdf", "workers_max"));
for (const {name, metadata} of scaled.spec.triggers) {
  for (const metric of metadata.query.match(/stint_[a-z0-9_]+/g)) expect(`trigger ${name}: ${metric} is not in ${metrics}`, known.has(metric));
  expect(`trigger ${name}: no such pool`, pools.includes(/pool="([^"]*)"/.exec(metadata.query)?.[1]));
  expect(`trigger ${name}: no answer would be taken for 0`, metadata.ignoreNullValues === "false");
}
for (const fault of faults) console.log(fault);
console.log(`looked ${all.length}`);
process.exit(faults.length === 0 && all.length > 0 ? 0 : 1);
