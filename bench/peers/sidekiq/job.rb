# Why: the Sidekiq peer's job, and where its Redis is. Loaded by the client and by `sidekiq -r`.
require 'sidekiq'
Redis.sadd_returns_boolean = false # else a warning for each job, which is not what is measured
Sidekiq.configure_client { |config| config.redis = { url: "unix://#{ENV.fetch('BENCH_REDIS')}" } }
Sidekiq.configure_server { |config| config.redis = { url: "unix://#{ENV.fetch('BENCH_REDIS')}" } }
Sidekiq.logger.level = Logger::WARN

class ProbeJob
  include Sidekiq::Worker

  def self.now_us
    Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
  end

  def perform(data)
    stamp(data['t']) if data['t']
    hang_once if data['hang']
  end

  private

  def stamp(due)
    $stamps ||= File.open(ENV.fetch('BENCH_STAMPS'), 'ab').tap { |file| file.sync = true }
    $stamps.syswrite([due, ProbeJob.now_us, Process.pid].pack('QQQ'))
  end

  def hang_once
    File.open("#{ENV.fetch('BENCH_STAMPS')}.hung", File::WRONLY | File::CREAT | File::EXCL).close
    sleep 600
  rescue Errno::EEXIST
    nil
  end
end
