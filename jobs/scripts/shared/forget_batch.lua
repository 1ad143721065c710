-- The last job of an ended batch is gone, so it goes too; a callback that is still to be made from
-- it keeps it for as long as attempts to deliver that may take.
local batch_deliverable_ms = 7 * 24 * 60 * 60 * 1000
local function forget_batch(id)
  local list = key_batch_deliveries(id)
  if awaits_rendering(list) then
    for _, key in ipairs({key_batch(id), key_batch_items(id), list}) do
      redis.call('PEXPIRE', key, batch_deliverable_ms)
    end
  else
    drop_deliveries(list, true)
    redis.call('DEL', key_batch(id), key_batch_items(id))
  end
end
