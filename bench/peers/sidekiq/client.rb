# Why: produces jobs as Sidekiq's documentation says is fastest: push_bulk of 1,000.
# Usage: ruby client.rb bulk|single|pace|calm|hang JOBS BYTES RATE; prints {"jobs","start_us","seconds","cpu_s","late_us"}
require_relative 'job'
require 'json'
mode, jobs, bytes, rate = ARGV[0], ARGV[1].to_i, ARGV[2].to_i, ARGV[3].to_f

def payload(bytes, due = nil)
  data = { 'v' => 1, 'do' => 'ok', 'pad' => '' }
  data['t'] = due if due
  data['pad'] = 'x' * [0, bytes - data.to_json.bytesize].max
  data
end

# A job tells when it was due; calm: when it was sent.
def pace(jobs, bytes, rate, calm)
  start = ProbeJob.now_us + 1000
  late = 0
  jobs.times do |i|
    due = start + (i * 1_000_000 / rate).to_i
    ahead = due - ProbeJob.now_us
    sleep(ahead / 1e6) if ahead.positive?
    late = [late, -ahead].max
    ProbeJob.perform_async(payload(bytes, calm ? ProbeJob.now_us : due))
  end
  late
end

Sidekiq.redis(&:ping)
cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
start = ProbeJob.now_us
late = 0
data = payload(bytes)
case mode
when 'bulk' then (0...jobs).step(1000) { |at| Sidekiq::Client.push_bulk('class' => ProbeJob, 'args' => [[data]] * [1000, jobs - at].min) }
when 'single' then jobs.times { ProbeJob.perform_async(data) }
when 'pace', 'calm' then late = pace(jobs, bytes, rate, mode == 'calm')
when 'hang' then ProbeJob.perform_async({ 'v' => 1, 't' => start, 'hang' => 1 })
else abort 'client.rb: a mode is bulk, single, pace, calm or hang'
end
puts({ jobs: jobs, start_us: start, seconds: (ProbeJob.now_us - start) / 1e6,
       cpu_s: Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - cpu, late_us: late }.to_json)
