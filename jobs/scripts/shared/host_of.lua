-- The host of an address, without its port.
local function host_of(url)
  local authority = string.match(url, '^%a[%w+.-]*://([^/?#]*)') or ''
  return string.lower(string.match(authority, '^%[[^%]]*%]') or string.match(authority, '^[^:]*'))
end
