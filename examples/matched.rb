#!/usr/bin/env ruby
# Hears what happens in a pool with redis-rb alone (Debian: ruby-redis): who was matched, whose pair was released, who is gone.
#
# usage: STINT_REDIS_URL=unix:///path/redis.sock ./matched.rb POOL [EVENTS [FROM]]     ends after EVENTS events; 0, the default: never
#
# Each event comes at least once; its seq tells a repetition. An application keeps the id of the last entry it has dealt with, and
# begins there (FROM) when it starts again; the stream holds the last 10,000.
require "json"
require "redis"

stream = "stint:{match}:match:#{ARGV.fetch(0)}"
left = ARGV.fetch(1, "0").to_i
at = ARGV.fetch(2, "0")
redis = Redis.new(url: ENV.fetch("STINT_REDIS_URL", "redis://127.0.0.1:6379"))
seen = {} # the numbers of the last events; an application has them as a unique column

def heard(event)
  case event["t"]
  when "matched"
    "#{event["a"]} and #{event["b"]} meet until #{event["confirm_by_ms"]}: pair #{event["pair"]}"
  when "released"
    back = %w[a b].select { |side| event["#{side}_waits"] }.map { |side| event[side] }
    "pair #{event["pair"]} ended (#{event["why"]}); waiting again: #{back.empty? ? "nobody" : back.join(" ")}"
  else
    "#{event["id"]} is gone (#{event["reason"]})"
  end
end

loop do
  (redis.xread(stream, at, count: 100, block: 4000)[stream] || []).each do |id, fields|
    at = id
    next if seen.key?(fields["seq"])

    seen[fields["seq"]] = true
    seen.shift if seen.size > 10_000
    puts heard(JSON.parse(fields["data"]))
    $stdout.flush
    left -= 1
    exit if left.zero?
  end
end
