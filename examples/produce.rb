#!/usr/bin/env ruby
# Two jobs with redis-rb alone (Debian: ruby-redis): one by a plain XADD, one by the Function, which answers and knows options.
# usage: STINT_REDIS_URL=unix:///path/redis.sock ./produce.rb     (default redis://127.0.0.1:6379)
require "json"
require "redis"

QUEUE = "stint:{match}"
ENDS = %w[done dead cancelled expired]
redis = Redis.new(url: ENV.fetch("STINT_REDIS_URL", "redis://127.0.0.1:6379"))

def payload(person, gender, sought)
  JSON.generate(v: 1, op: "submit", pool: "examples", id: person, gender: gender, seeking: [sought], age: 30)
end

job = ->(id) { JSON.parse(redis.call("FCALL", "stint_job", 1, QUEUE, id)) }

# An entry without an id of its own has the id <band>-<entry>.
entry = redis.xadd("#{QUEUE}:s:normal", { kind: "match", payload: payload("rb-1", "male", "female") })
options = JSON.generate(kind: "match", band: "high")
answer = JSON.parse(redis.call("FCALL", "stint_enqueue", 1, QUEUE, options, payload("rb-2", "female", "male")))
abort(answer["why"]) if answer["state"] == "refused"

["normal-#{entry}", answer["id"]].each do |id|
  sleep 0.1 until ENDS.include?(job.(id)["state"])
  puts JSON.generate(job.(id))
end
