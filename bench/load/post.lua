-- For wrk: posts its standard input, under the headers given as arguments, and reports on one line.
function init(arguments)
  wrk.method = "POST"
  wrk.body = io.read("*a")
  for index = 1, #arguments, 2 do
    wrk.headers[arguments[index]] = arguments[index + 1]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("report %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.status, broken))
end
