-- wrk sends the requests that `serving.py` has written, in turn, and prints what it measured as a line of JSON.
local requests, turn = {}, 0

function init(args)
  local prefix, number, content, accept = unpack(args)
  for i = 1, tonumber(number) do
    local file = io.open(prefix .. i, "rb")
    local headers = { ["Content-Type"] = content, ["Accept"] = accept }
    requests[i] = wrk.format("POST", "/rank", headers, file:read("*a"))
    file:close()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local form = '{"p50": %f, "p99": %f, "rate": %f, "requests": %d, "failed": %d}'
  local rate = summary.requests / summary.duration * 1e6
  print(string.format(form, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, rate, summary.requests, failed))
end
