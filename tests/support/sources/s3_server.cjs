// A server of the S3 protocol that verifies signatures. s3_server.cjs FOLDER PORT BUCKET…: says "up", serves until it is ended. The one account's key and
// secret are both S3RVER. The module is found through NODE_PATH.
const S3rver = require('@20minutes/s3rver')
const [directory, port, ...buckets] = process.argv.slice(2)
new S3rver({ directory, address: '127.0.0.1', port: Number(port), silent: true, vhostBuckets: false, configureBuckets: buckets.map((name) => ({ name })) })
  .run()
  .then(() => console.log('up'))
